"""What a risk scan says: the level, the flags, the dates, and the words that carried them."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from intake.evidence import Evidence

COULD_NOT_CHECK = "could-not-check"


class RiskLevel(StrEnum):
    """How soon a person must look.

    `now` is danger to life or limb, `today` serious harm, `deadline` a near date.
    """

    NOW = "now"
    TODAY = "today"
    DEADLINE = "deadline"
    NONE = "none"

    @property
    def rank(self) -> int:
        """Return 3 for `now` down to 0 for `none`, so that the highest of several can be taken."""
        return _RANKS[self]


_RANKS = {RiskLevel.NOW: 3, RiskLevel.TODAY: 2, RiskLevel.DEADLINE: 1, RiskLevel.NONE: 0}


@dataclass(frozen=True, slots=True)
class KeyDate:
    """A day on which something is decided or ends.

    `text` is the date as written, the characters `start` to `end` of `Message.text`; -1 where it
    stands in the subject or an attachment.
    """

    type: str
    date: date
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Risk:
    """The answer of one scan. Only a named person may lower it."""

    level: RiskLevel
    unsafe_reply: bool = False
    child_sender: bool = False
    key_dates: tuple[KeyDate, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def could_not_check() -> Risk:
    """Return the risk of a mail whose scan failed: a person must look today."""
    evidence = Evidence(COULD_NOT_CHECK, "This mail could not be checked for risk.", -1, -1)
    return Risk(RiskLevel.TODAY, evidence=(evidence,))
