"""How far a score can be trusted: thresholds found on messages the model had not seen."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from intake.classification.model import softmax
from intake.taxonomy import Kind

RIGHT_WHEN_SURE = 0.97
_MARGIN = 0.005
"""Asked for on top of `RIGHT_WHEN_SURE`: a threshold found on a sample flatters itself."""
_SHARPNESSES = tuple(step / 10 for step in range(5, 80))


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled message and the scores that a model gave it unseen, in the order of `kinds`."""

    kind: Kind
    also: tuple[Kind, ...]
    kinds: tuple[Kind, ...]
    scores: tuple[float, ...]

    @property
    def best(self) -> Kind:
        """Return the kind with the highest score."""
        return self.kinds[self.scores.index(max(self.scores))]

    @property
    def is_right(self) -> bool:
        """Return whether the highest score is that of the kind a person gave."""
        return self.best is self.kind

    def also_named(self, confidences: Sequence[float], also_from: float) -> Iterator[Kind]:
        """Yield the other kinds that would be named at this threshold."""
        for kind, confidence in zip(self.kinds, confidences, strict=True):
            if kind.is_human and kind is not self.best and confidence >= also_from:
                yield kind


@dataclass(frozen=True, slots=True)
class Calibration:
    """See the fields of the same names in `KindModel`."""

    sharpness: float
    sure_from: float
    also_from: float


def calibrate(groups: Sequence[Sequence[Judged]]) -> Calibration:
    """Return the thresholds that hold in every one of the groups of judged messages."""
    everything = [judged for group in groups for judged in group]
    sharpness = min(_SHARPNESSES, key=lambda value: _surprise(everything, value))
    sure_from = max(sure_threshold(group, sharpness) for group in groups)
    return Calibration(sharpness, round(sure_from, 4), also_threshold(everything, sharpness))


def _surprise(judged: Sequence[Judged], sharpness: float) -> float:
    """Return the sum of -log(confidence in the true kind)."""
    return -sum(
        math.log(max(softmax(one.scores, sharpness)[one.kinds.index(one.kind)], 1e-12))
        for one in judged
    )


def sure_threshold(judged: Sequence[Judged], sharpness: float) -> float:
    """Return the lowest confidence from which enough are right; above 1 if there is none."""
    rights_at: dict[float, list[bool]] = {}
    for one in judged:
        rights_at.setdefault(max(softmax(one.scores, sharpness)), []).append(one.is_right)
    threshold, right, count = 1.1, 0, 0
    for confidence in sorted(rights_at, reverse=True):
        right += sum(rights_at[confidence])
        count += len(rights_at[confidence])
        if right / count >= RIGHT_WHEN_SURE + _MARGIN:
            threshold = confidence
    return threshold


def also_threshold(judged: Sequence[Judged], sharpness: float) -> float:
    """Return the confidence at which naming a second kind is right as often as it can be (F1)."""
    shares = [softmax(one.scores, sharpness) for one in judged]
    candidates = [step / 100 for step in range(5, 50)]
    return max(candidates, key=lambda at: _also_f1(judged, shares, at))


def _also_f1(judged: Sequence[Judged], shares: Sequence[Sequence[float]], at: float) -> float:
    named = true = both = 0
    for one, confidences in zip(judged, shares, strict=True):
        kinds = set(one.also_named(confidences, at))
        named += len(kinds)
        true += len(one.also)
        both += len(kinds.intersection(one.also))
    return 2 * both / max(named + true, 1)
