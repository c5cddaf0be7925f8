"""The door as others see it: a mailbox to read from, and a mail as it came."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from config.errors import KithError


class MailboxError(KithError):
    """The mailbox could not be read; the sentence says what to look at. Trying again may help."""


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """One mail as the server gave it; of an outsized one only the beginning (`is_whole` false).

    `size` is the server's figure in bytes, which some servers only estimate (0: it gave none).
    Without an `internal_date` the mail counts as come when it was fetched. `is_withheld` says that
    the server has the mail but could not hand it out: then `raw` is empty, and not the mail.
    """

    uid: int
    raw: bytes
    size: int
    internal_date: datetime | None
    is_whole: bool
    is_withheld: bool = False


class Mailbox(Protocol):
    """What the poller needs of a mailbox. Every method raises `MailboxError` and nothing else."""

    @property
    def name(self) -> str:
        """Return the name under which the ledger keeps this mailbox."""

    def open(self) -> int:
        """Connect, open the folder read-only and return its UIDVALIDITY."""

    def uids_from(self, first: int) -> list[int]:
        """Return the UIDs present, at or above `first`, ascending."""

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield the mails in batches of bounded count and size; a vanished UID is left out.

        A mail that the server has but cannot hand out comes as withheld and stops no other.
        """

    def close(self) -> None:
        """Say goodbye; never raises."""
