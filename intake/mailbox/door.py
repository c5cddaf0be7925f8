"""The door as others see it: a mailbox to read from, and a mail as it came."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from config.errors import KithError


class Role(StrEnum):
    """What a mailbox is to us; mail in `SPAM` is listed for a person and never answered."""

    INBOX = "inbox"
    ALL_MAIL = "all_mail"
    SPAM = "spam"


class MailboxError(KithError):
    """The mailbox could not be read; the sentence says what to look at. Trying again may help.

    `needs_sign_in` says that the server refused who we are: no network will cure that.
    `retry_after` is for how many seconds the server asked to be left alone, if it did.
    """

    def __init__(
        self, words: str, *, needs_sign_in: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(words)
        self.needs_sign_in = needs_sign_in
        self.retry_after = retry_after


class FolderMissingError(MailboxError):
    """The server has no such folder; whoever only wanted to look into it may pass it by."""


@dataclass(frozen=True, slots=True)
class FetchedMail:
    """One mail as the server gave it; of an outsized one only the beginning (`is_whole` false).

    `size` is the server's figure in bytes, which some servers only estimate (0: it gave none).
    Without an `internal_date` the mail counts as come when it was fetched. `is_withheld` says that
    the server has the mail but could not hand it out: then `raw` is empty, and not the mail.

    `object_id` stays with the mail wherever it is moved: `gm:` with Gmail's X-GM-MSGID, or `oid:`
    with the EMAILID of RFC 8474; so does `thread_id` with the thread. None: the server has neither.
    """

    uid: int
    raw: bytes
    size: int
    internal_date: datetime | None
    is_whole: bool
    is_withheld: bool = False
    object_id: str | None = None
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What can be told of a mail without fetching it; a mail that tells nothing has only its UID.

    `message_id` stands in angle brackets. `labels` are Gmail's, lower-cased ("\\\\sent").
    """

    uid: int
    internal_date: datetime | None = None
    size: int = 0
    object_id: str | None = None
    message_id: str | None = None
    labels: frozenset[str] = frozenset()


class Mailbox(Protocol):
    """What the poller needs of a mailbox. Every method raises `MailboxError` and nothing else."""

    @property
    def name(self) -> str:
        """Return the name under which the ledger keeps this mailbox."""

    @property
    def role(self) -> Role:
        """Return what this mailbox is to us."""

    def open(self) -> int:
        """Connect, open the folder read-only and return its UIDVALIDITY."""

    def uids_from(self, first: int) -> list[int]:
        """Return the UIDs present, at or above `first`, ascending."""

    def count(self) -> int:
        """Return how many mails are in the open folder now."""

    def glimpses(self, uids: Sequence[int]) -> Iterator[list[Glimpse]]:
        """Yield what can be told of the mails without their bodies, in batches of bounded count.

        A vanished UID is left out.
        """

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield the mails in batches of bounded count and size; a vanished UID is left out.

        A mail that the server has but cannot hand out comes as withheld and stops no other; it
        may come later than its UID says.
        """

    def close(self) -> None:
        """Say goodbye; never raises."""
