"""The one door that tests fake: a mailbox in memory. Everything behind it runs for real.

For the door itself, where no real server fails on demand: a client of a server that does.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from intake.mailbox import FetchedMail, MailboxError

Answer = dict[int, dict[bytes, object]]

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


class FakeImapClient:
    """Answers as imapclient does, and then spoils the answer to every FETCH that it is told to.

    `spoil` gets the UIDs asked for, what is asked of them, and the answer; it may change or raise.
    """

    def __init__(self, raws: dict[int, bytes]) -> None:
        self.raws = raws
        self.uid_validity = 1
        self.connections = 0
        self.spoil: Callable[[Sequence[int], str, Answer], None] = lambda *_: None

    def connect(self, _server: object) -> "FakeImapClient":
        """Stand in for the real `connect`."""
        self.connections += 1
        return self

    def select_folder(self, _folder: str, *, readonly: bool) -> dict[bytes, int]:
        """Open the folder, which must be done read-only."""
        assert readonly
        return {b"UIDVALIDITY": self.uid_validity}

    def search(self, criteria: Sequence[str]) -> list[int]:
        """Find all, a range without end, or those listed."""
        if criteria == ["ALL"]:
            return list(self.raws)
        if criteria[1].endswith(":*"):
            return [uid for uid in self.raws if uid >= int(criteria[1][:-2])]
        return [uid for uid in map(int, criteria[1].split(",")) if uid in self.raws]

    def fetch(self, uids: Sequence[int], items: Sequence[str]) -> Answer:
        """Give what is asked for of the mails that there are."""
        answer = {uid: self._parts(uid, items[0]) for uid in uids if uid in self.raws}
        self.spoil(uids, items[0], answer)
        return answer

    def logout(self) -> None:
        """Do nothing."""

    def shutdown(self) -> None:
        """Do nothing."""

    def _parts(self, uid: int, item: str) -> dict[bytes, object]:
        raw = self.raws[uid]
        if item == "RFC822.SIZE":
            return {b"RFC822.SIZE": len(raw)}
        _, _, part = item.rstrip(">").partition("<0.")
        if part:
            return {b"BODY[]<0>": raw[: int(part)], b"INTERNALDATE": ARRIVED}
        return {b"BODY[]": raw, b"INTERNALDATE": ARRIVED}
