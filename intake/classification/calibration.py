"""How far a score can be trusted: thresholds found on messages the model had not seen."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from intake.classification.model import Also, softmax
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

    @property
    def seconds(self) -> Iterator[tuple[Kind, float]]:
        """Yield the kinds people write with, but for the best one, with their scores."""
        for kind, score in zip(self.kinds, self.scores, strict=True):
            if kind.is_human and kind is not self.best:
                yield kind, score

    def is_present(self, kind: Kind) -> bool:
        """Return whether a person gave it this kind, as its first or as a further one."""
        return kind is self.kind or kind in self.also


@dataclass(frozen=True, slots=True)
class Calibration:
    """See the fields of the same names in `KindModel`."""

    sharpness: float
    sure_from: float
    also: Also


def calibrate(groups: Sequence[Sequence[Judged]]) -> Calibration:
    """Return the thresholds that hold in every one of the groups of judged messages."""
    everything = [judged for group in groups for judged in group]
    sharpness = min(_SHARPNESSES, key=lambda value: _surprise(everything, value))
    sure_from = max(sure_threshold(group, sharpness) for group in groups)
    return Calibration(sharpness, round(sure_from, 4), calibrate_also(everything))


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


def calibrate_also(judged: Sequence[Judged]) -> Also:
    """Return when to name a second kind: from where naming is right and complete at its best.

    Best by F0.5: a kind named wrongly does more harm than one left for a person to add.
    """
    pairs = [(score, one.is_present(kind)) for one in judged for kind, score in one.seconds]
    slope, offset = _logistic(pairs)
    also = Also(round(slope, 4), round(offset, 4), 0.0)
    likely = [(also.confidence(score), present) for score, present in pairs]
    candidates = [step / 100 for step in range(5, 90)]
    return also._replace(at_least=max(candidates, key=lambda least: _f_half(likely, least)))


def _f_half(likely: Sequence[tuple[float, bool]], least: float) -> float:
    named = [present for confidence, present in likely if confidence >= least]
    true = sum(present for _, present in likely)
    return 1.25 * sum(named) / max(0.25 * true + len(named), 1)


def _logistic(pairs: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Return slope and offset of the likeliest logistic curve through `pairs` (Newton's steps)."""
    slope, offset = 1.0, 0.0
    for _ in range(25):
        g0 = g1 = 0.0
        h00 = h01 = h11 = 1e-6
        for score, present in pairs:
            chance = Also(slope, offset, 0.0).confidence(score)
            wrong, spread = present - chance, chance * (1 - chance)
            g0, g1 = g0 + wrong, g1 + wrong * score
            h00, h01, h11 = h00 + spread, h01 + spread * score, h11 + spread * score * score
        across = h00 * h11 - h01 * h01
        slope += (h00 * g1 - h01 * g0) / across
        offset += (h11 * g0 - h01 * g1) / across
    return slope, offset
