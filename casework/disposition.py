"""What is done with a mail once it is understood: filed, noted on its case, or screened out.

Screening says what a mail *is*; this room says what follows. "Screened out" is not lost: it stays
in the ledger with its reason, and a volunteer can file it. In doubt, and whenever somebody may be
in danger, a mail is filed and shown to a person.
"""

from dataclasses import dataclass
from enum import StrEnum

from intake.classification import Classification
from intake.risk import Risk, RiskLevel
from intake.screening import Screening, Verdict
from intake.taxonomy import Kind

WAITING_FOR_A_PERSON = frozenset({RiskLevel.NOW, RiskLevel.TODAY})
RULES_THAT_CATCH_PEOPLE = frozenset(
    {
        "discussion-list",  # a parent's words through a group's list
        "not-addressed-to-us",  # forwarded by a provider, or sent by Bcc
        "sending-service",  # a charity's own website sends its forms so
        "failed-authentication",  # forwarded by an old provider
        "several-authors",
        "claims-our-address",
    }
)
"""Screening rules whose mail may be a person's all the same: shown to a person, never answered."""


class Action(StrEnum):
    """What to do with a mail."""

    FILE = "file"
    NOTE = "note"
    SCREEN_OUT = "screen out"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What to do, whether a person must sort it, and the reason in words."""

    action: Action
    please_sort: bool
    reason: str


def dispose(
    screening: Screening,
    classification: Classification,
    risk: Risk,
    *,
    known_sender: bool,
    answers_a_case: bool,
) -> Disposition:
    """Return what is to be done with a mail; pure."""
    match screening.verdict:
        case Verdict.UNREADABLE:
            return Disposition(Action.FILE, please_sort=True, reason=screening.reason)
        case Verdict.PERSONAL:
            return _personal(screening, classification, risk, known_sender=known_sender)
        case Verdict.AUTO_REPLY | Verdict.DELIVERY_REPORT | Verdict.RECEIPT:
            in_danger = is_human(classification) and risk.level in WAITING_FOR_A_PERSON
            if answers_a_case and not in_danger:
                return Disposition(Action.NOTE, please_sort=False, reason=screening.reason)
            return _held(screening, classification, risk)
        case Verdict.BULK | Verdict.ROBOT | Verdict.SPAM | Verdict.LOOP:
            return _held(screening, classification, risk)


def _personal(
    screening: Screening, classification: Classification, risk: Risk, *, known_sender: bool
) -> Disposition:
    if is_human(classification) or known_sender or risk.level is not RiskLevel.NONE:
        unsure = not (classification.sure and is_human(classification))
        return Disposition(Action.FILE, please_sort=unsure, reason=screening.reason)
    if classification.sure:
        word = "spam" if classification.kind is Kind.SPAM else "an automatic notice"
        return Disposition(
            Action.SCREEN_OUT, please_sort=False, reason=f"Its words are those of {word}."
        )
    return Disposition(Action.FILE, please_sort=True, reason=screening.reason)


def _held(screening: Screening, classification: Classification, risk: Risk) -> Disposition:
    by_a_person = is_human(classification)
    may_be_a_person = (
        screening.verdict is Verdict.ROBOT or screening.rule in RULES_THAT_CATCH_PEOPLE
    )
    in_danger = risk.level in WAITING_FOR_A_PERSON
    # An out-of-office or a newsletter that names helplines is no danger. A form's robot or a
    # forged-looking sender proves nothing about the words, so there the risk alone is enough.
    may_be_anybody = screening.verdict in {Verdict.ROBOT, Verdict.SPAM}
    if by_a_person and (may_be_a_person or in_danger):
        return Disposition(Action.FILE, please_sort=True, reason=screening.reason)
    if in_danger and may_be_anybody:
        return Disposition(Action.FILE, please_sort=True, reason=screening.reason)
    return Disposition(Action.SCREEN_OUT, please_sort=False, reason=screening.reason)


def is_human(classification: Classification) -> bool:
    """Return whether the content reads as written by a person to us."""
    return classification.kind.is_human
