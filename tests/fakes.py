"""The one door that tests fake: a mailbox in memory. Everything behind it runs for real.

For the door itself, where no real server fails on demand: a client of a server that does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from intake.mailbox import FetchedMail, Glimpse, MailboxError, Role

Answer = dict[int, dict[bytes, object]]

ARRIVED = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)


class FakeMailbox:
    """Mails by UID, two to a batch; it can vanish in the middle, as real servers do.

    Mails in `withheld` it has, but cannot hand out; those in `expunged` a person deletes between
    the search and the fetch. Object ids, labels and dates are those that a test gives by UID.
    """

    def __init__(
        self,
        *raws: bytes,
        uid_validity: int = 1,
        role: Role = Role.INBOX,
        name: str = "hello@imap.example.org/INBOX",
    ) -> None:
        self.name = name
        self.role = role
        self.uid_validity = uid_validity
        self.mails = dict(enumerate(raws, start=1))
        self.object_ids: dict[int, str] = {}
        self.labels: dict[int, frozenset[str]] = {}
        self.dates: dict[int, datetime | None] = {}
        self.next_uid = 1
        self.fetched: list[int] = []
        self.glimpsed: list[int] = []
        self.breaks_after: int | None = None
        self.withheld: set[int] = set()
        self.expunged: set[int] = set()
        self.on_fetch: Callable[[], None] = lambda: None

    def add(
        self,
        raw: bytes,
        *,
        at: datetime | None = None,
        object_id: str | None = None,
        labels: Iterable[str] = (),
    ) -> int:
        """Let a mail arrive; return its UID."""
        uid = max(self.next_uid, max(self.mails, default=0) + 1)
        self.next_uid = uid + 1
        self.mails[uid] = raw
        self.dates[uid] = at or ARRIVED
        if object_id is not None:
            self.object_ids[uid] = object_id
        self.labels[uid] = frozenset(labels)
        return uid

    def make_anew(self, uid_validity: int, *, first_uid: int = 1) -> None:
        """Give every mail a new UID under a new UIDVALIDITY, as a restored server does."""
        old = sorted(self.mails)
        new = {uid: number for number, uid in enumerate(old, start=first_uid)}
        self.uid_validity = uid_validity
        self.mails = {new[uid]: self.mails[uid] for uid in old}
        self.object_ids = {new[uid]: x for uid, x in self.object_ids.items() if uid in new}
        self.labels = {new[uid]: x for uid, x in self.labels.items() if uid in new}
        self.dates = {new[uid]: x for uid, x in self.dates.items() if uid in new}
        self.next_uid = first_uid

    def open(self) -> int:
        """Return the UIDVALIDITY."""
        return self.uid_validity

    def uids_from(self, first: int) -> list[int]:
        """Return the UIDs at or above `first`."""
        return sorted(uid for uid in self.mails if uid >= first)

    def count(self) -> int:
        """Return how many mails there are."""
        return len(self.mails)

    def glimpses(self, uids: Sequence[int]) -> Iterator[list[Glimpse]]:
        """Yield what can be told without the mails, three by three."""
        for place in range(0, len(uids), 3):
            batch = uids[place : place + 3]
            self.glimpsed += batch
            yield [self._glimpse(uid) for uid in batch if uid in self.mails]

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield the mails two by two."""
        for uid in self.expunged:
            self.mails.pop(uid, None)
        for place in range(0, len(uids), 2):
            if self.breaks_after is not None and place >= self.breaks_after:
                raise MailboxError("The connection broke.")
            batch = uids[place : place + 2]
            self.fetched += batch
            self.on_fetch()
            yield [self._hand_out(uid) for uid in batch if uid in self.mails]

    def close(self) -> None:
        """Do nothing."""

    def _glimpse(self, uid: int) -> Glimpse:
        return Glimpse(
            uid,
            self.dates.get(uid, ARRIVED),
            len(self.mails[uid]),
            self.object_ids.get(uid),
            labels=self.labels.get(uid, frozenset()),
        )

    def _hand_out(self, uid: int) -> FetchedMail:
        raw, object_id = self.mails[uid], self.object_ids.get(uid)
        if uid in self.withheld:
            return FetchedMail(
                uid, b"", len(raw), None, is_whole=False, is_withheld=True, object_id=object_id
            )
        at = self.dates.get(uid, ARRIVED)
        return FetchedMail(uid, raw, len(raw), at, is_whole=True, object_id=object_id)


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
