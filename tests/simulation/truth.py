"""What is true of a mail, whatever Kith makes of it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Sort(StrEnum):
    """Who or what really wrote a mail."""

    PERSONAL = "personal"
    REPLY = "reply to a letter of ours"
    AGAIN = "the same mail again"
    STRANGER = "stranger with a reference"
    FORGER = "forged sender"
    ROBOT = "robot"
    OUT_OF_OFFICE = "out of office"
    BOUNCE = "bounce"
    SPAM = "spam"
    NEWSLETTER = "newsletter"
    BROKEN = "broken"


MACHINES = frozenset({Sort.ROBOT, Sort.OUT_OF_OFFICE, Sort.BOUNCE, Sort.NEWSLETTER})
"""What no automatic letter may ever go to. Spam may be a person's as far as headers tell."""
NEVER_ANSWERED = MACHINES | {Sort.FORGER, Sort.STRANGER}
"""A stranger who shows a reference gets no answer, or it would tell whether there is one."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A mail and who really wrote it.

    `shows_secret`: it carries something that only whoever was sent our letter can know.
    """

    raw: bytes
    sort: Sort
    writer: str
    sender: str
    message_id: str
    at: datetime
    shows_secret: bool = False

    @property
    def sha256(self) -> str:
        """Return the fingerprint by which the ledger knows the mail."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def may_be_answered(self) -> bool:
        """Return whether an automatic letter may follow from it."""
        return self.sort not in NEVER_ANSWERED
