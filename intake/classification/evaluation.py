"""How good is the judgement? Figures by cross-validation, within the sets and across them.

`within`: five stratified folds over all sets. `across`: a whole set is held back in turn, so that
the messages judged are by other hands than those learned from.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sklearn.metrics import precision_recall_fscore_support
from sklearn.model_selection import StratifiedKFold

from intake.classification.calibration import Calibration, Judged, calibrate
from intake.classification.model import softmax
from intake.classification.samples import Sample
from intake.taxonomy import Kind

FOLDS = 5

ScoreUnseen = Callable[[Sequence[int], Sequence[int]], Sequence[tuple[float, ...]]]
"""Learn from the samples of the first numbers, score those of the second."""

Folds = Sequence[Sequence[int]]
"""The numbers of the samples, parted into folds."""


def folds_within(samples: Sequence[Sample]) -> Folds:
    """Return five folds, each with its share of every kind; always the same ones."""
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    kinds = [sample.kind.value for sample in samples]
    return [[int(at) for at in unseen] for _, unseen in splitter.split(kinds, kinds)]


def folds_across(samples: Sequence[Sample]) -> Folds:
    """Return one fold for each set of samples."""
    sources = sorted({sample.source for sample in samples})
    return [
        [at for at, sample in enumerate(samples) if sample.source == source] for source in sources
    ]


def judge_unseen(
    samples: Sequence[Sample], folds: Folds, kinds: Sequence[Kind], score_unseen: ScoreUnseen
) -> list[list[Judged]]:
    """Return each fold judged by what was learned from the other folds."""
    judged: list[list[Judged]] = []
    for unseen in folds:
        hidden = set(unseen)
        seen = [at for fold in folds for at in fold if at not in hidden]
        scores = score_unseen(sorted(seen), unseen)
        judged.append(
            [
                Judged(samples[at].kind, samples[at].also, tuple(kinds), row)
                for at, row in zip(unseen, scores, strict=True)
            ]
        )
    return judged


@dataclass(frozen=True, slots=True)
class KindFigures:
    """How well one kind is told from the others; shares from 0 to 1."""

    kind: Kind
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What a cross-validation found; `sure` with thresholds chosen without the fold judged."""

    kinds: tuple[KindFigures, ...]
    accuracy: float
    sure_coverage: float
    sure_accuracy: float
    also_precision: float
    also_recall: float

    @property
    def macro_f1(self) -> float:
        """Return the mean F1 of the kinds, each counting alike."""
        return sum(kind.f1 for kind in self.kinds) / len(self.kinds)


def figures(folds: Sequence[Sequence[Judged]]) -> Figures:
    """Return the figures of the judged folds."""
    everything = [judged for fold in folds for judged in fold]
    tally = Counter[str]()
    for fold, calibration in _calibrated_elsewhere(folds):
        for judged in fold:
            tally.update(_outcomes(judged, calibration))
    return Figures(
        kinds=_per_kind(everything),
        accuracy=sum(judged.is_right for judged in everything) / len(everything),
        sure_coverage=tally["sure"] / len(everything),
        sure_accuracy=tally["sure and right"] / max(tally["sure"], 1),
        also_precision=tally["also right"] / max(tally["also named"], 1),
        also_recall=tally["also right"] / max(tally["also true"], 1),
    )


def _calibrated_elsewhere(
    folds: Sequence[Sequence[Judged]],
) -> Iterator[tuple[Sequence[Judged], Calibration]]:
    for at, fold in enumerate(folds):
        others = [judged for other in (*folds[:at], *folds[at + 1 :]) for judged in other]
        yield fold, calibrate([others])


def _outcomes(judged: Judged, calibration: Calibration) -> Iterator[str]:
    confidences = softmax(judged.scores, calibration.sharpness)
    if max(confidences) >= calibration.sure_from:
        yield "sure"
        if judged.is_right:
            yield "sure and right"
    for kind, score in judged.seconds:
        present = judged.is_present(kind)
        if present:
            yield "also true"
        if calibration.also.confidence(score) >= calibration.also.at_least:
            yield "also named"
            if present:
                yield "also right"


def _per_kind(everything: Sequence[Judged]) -> tuple[KindFigures, ...]:
    kinds = everything[0].kinds
    precision, recall, f1, support = precision_recall_fscore_support(
        [judged.kind.value for judged in everything],
        [judged.best.value for judged in everything],
        labels=[kind.value for kind in kinds],
        zero_division=0.0,
    )
    return tuple(
        KindFigures(kind, float(precision[at]), float(recall[at]), float(f1[at]), int(support[at]))
        for at, kind in enumerate(kinds)
    )


def report(name: str, found: Figures) -> str:
    """Return the figures as a Markdown table with a line of summary."""
    rows = [
        f"| {one.kind} | {one.precision:.2f} | {one.recall:.2f} | {one.f1:.2f} | {one.support} |"
        for one in found.kinds
    ]
    summary = (
        f"**{name}**: macro-F1 {found.macro_f1:.3f}, accuracy {found.accuracy:.3f}; "
        f"sure on {found.sure_coverage:.1%}, of these right {found.sure_accuracy:.1%}; "
        f"second kinds: precision {found.also_precision:.2f}, recall {found.also_recall:.2f}."
    )
    head = ["| kind | precision | recall | F1 | messages |", "|---|---|---|---|---|"]
    return "\n".join([summary, "", *head, *rows])
