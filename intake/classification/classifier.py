"""What is this message about? A pure decision with its reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from intake.classification.features import read
from intake.classification.model import KindModel
from intake.classification.packing import KINDS
from intake.classification.phrases import carrying_phrases
from intake.classification.scoring import score
from intake.evidence import Evidence
from intake.message import Message
from intake.taxonomy import Kind

_FAMILIAR_ENOUGH = 0.5
"""With fewer known words (another language, gibberish) we are never sure."""


@dataclass(frozen=True, slots=True)
class AlsoKind:
    """A second kind that the message is of, and how likely that is."""

    kind: Kind
    confidence: float


@dataclass(frozen=True, slots=True)
class Classification:
    """The kind of a message, 0 to 1 how likely that is, and what decided.

    `sure`: the confidence is one at which at least 97 in 100 were right in cross-validation.
    """

    kind: Kind
    confidence: float
    sure: bool
    also: tuple[AlsoKind, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def classify(message: Message, model: KindModel) -> Classification:
    """Decide what kind of message this is; any text, never an error, no side effect.

    The evidence lies in `message.text` (`start`, `end`) or is the subject (-1, -1).
    """
    reading = read(message)
    if not reading.body and not reading.subject:
        return Classification(Kind.ENQUIRY, 0.0, sure=False)
    scores = score(reading, model)
    confidences = model.confidences(scores.totals)
    best = max(range(len(confidences)), key=confidences.__getitem__)
    kind, confidence = KINDS[best], confidences[best]
    return Classification(
        kind=kind,
        confidence=round(confidence, 4),
        sure=confidence >= model.sure_from and scores.familiar >= _FAMILIAR_ENOUGH,
        also=second_kinds(scores.totals, model, best),
        evidence=carrying_phrases(message, reading, scores, best, kind.value),
    )


def second_kinds(totals: Sequence[float], model: KindModel, best: int) -> tuple[AlsoKind, ...]:
    """Return the other kinds people write with that are likely enough, likeliest first."""
    others = [
        AlsoKind(kind, round(confidence, 4))
        for at, (kind, total) in enumerate(zip(KINDS, totals, strict=True))
        if at != best
        and kind.is_human
        and (confidence := model.also.confidence(total)) >= model.also.at_least
    ]
    return tuple(sorted(others, key=lambda other: -other.confidence))
