"""The one door that tests fake: a mailbox in memory. Everything behind it runs for real."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from intake.mailbox import FetchedMail, MailboxError

ARRIVED = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)


class FakeMailbox:
    """Mails by UID, two to a batch; it can vanish in the middle, as real servers do.

    Mails in `withheld` it has, but cannot hand out.
    """

    def __init__(self, *raws: bytes, uid_validity: int = 1) -> None:
        self.name = "hello@imap.example.org/INBOX"
        self.uid_validity = uid_validity
        self.mails = dict(enumerate(raws, start=1))
        self.fetched: list[int] = []
        self.breaks_after: int | None = None
        self.withheld: set[int] = set()

    def add(self, raw: bytes) -> int:
        """Let a mail arrive; return its UID."""
        uid = max(self.mails, default=0) + 1
        self.mails[uid] = raw
        return uid

    def open(self) -> int:
        """Return the UIDVALIDITY."""
        return self.uid_validity

    def uids_from(self, first: int) -> list[int]:
        """Return the UIDs at or above `first`."""
        return sorted(uid for uid in self.mails if uid >= first)

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield the mails two by two."""
        for place in range(0, len(uids), 2):
            if self.breaks_after is not None and place >= self.breaks_after:
                raise MailboxError("The connection broke.")
            batch = uids[place : place + 2]
            self.fetched += batch
            yield [self._hand_out(uid) for uid in batch if uid in self.mails]

    def close(self) -> None:
        """Do nothing."""

    def _hand_out(self, uid: int) -> FetchedMail:
        raw = self.mails[uid]
        if uid in self.withheld:
            return FetchedMail(uid, b"", len(raw), None, is_whole=False, is_withheld=True)
        return FetchedMail(uid, raw, len(raw), ARRIVED, is_whole=True)
