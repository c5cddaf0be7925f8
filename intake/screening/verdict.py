"""What screening says of a mail: a verdict, the rule that decided, and why in plain words."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What sort of mail this is, judged by its headers and form."""

    PERSONAL = "personal"
    AUTO_REPLY = "auto_reply"
    DELIVERY_REPORT = "delivery_report"
    RECEIPT = "receipt"
    BULK = "bulk"
    ROBOT = "robot"
    LOOP = "loop"
    SPAM = "spam"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Screening:
    """The decision about one mail. `reason` is for a volunteer and holds nothing from the mail."""

    verdict: Verdict
    acknowledge: bool
    rule: str
    reason: str


def withheld(verdict: Verdict, rule: str, reason: str) -> Screening:
    """Return a screening that allows no acknowledgement, as all but one do."""
    return Screening(verdict, acknowledge=False, rule=rule, reason=reason)


def unreadable() -> Screening:
    """Return the screening of a mail that could not be read: a person must look at it."""
    return withheld(
        Verdict.UNREADABLE,
        "unreadable",
        "Kith could not read this mail, so a person must look at it; the original is kept.",
    )
