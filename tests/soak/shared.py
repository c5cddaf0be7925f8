"""What the soak and its workers share through files: a clock, and an inbox that only grows."""

import mmap
import os
import random
import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from intake.mailbox import FetchedMail, Glimpse, MailboxError, Role

_MOMENT = struct.Struct("d")
_ENTRY = struct.Struct("QQd")
MAILS_AT_A_TIME = 50
FAILS = 0.02
"""How often, of all that is asked of the inbox, the connection breaks."""


class SharedClock:
    """A clock that one process sets and all others read."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(_MOMENT.pack(0))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _MOMENT.size)

    def __call__(self) -> datetime:
        """Return the moment."""
        return datetime.fromtimestamp(_MOMENT.unpack(self._memory[: _MOMENT.size])[0], UTC)

    def set(self, moment: datetime) -> None:
        """Let it be this moment."""
        self._memory[: _MOMENT.size] = _MOMENT.pack(moment.timestamp())


class InboxFile:
    """The end of the inbox where mails arrive."""

    def __init__(self, directory: Path) -> None:
        self._mails = (directory / "inbox.mails").open("ab")
        self._index = (directory / "inbox.index").open("ab")

    def add(self, raw: bytes, at: datetime) -> None:
        """Let a mail arrive: first its bytes, then the entry that shows it."""
        place = self._mails.tell()
        self._mails.write(raw)
        self._mails.flush()
        self._index.write(_ENTRY.pack(place, len(raw), at.timestamp()))
        self._index.flush()

    def close(self) -> None:
        """Close the files."""
        self._mails.close()
        self._index.close()


class FileMailbox:
    """The other end, as a mailbox; its connection breaks now and then, at any point."""

    def __init__(self, directory: Path) -> None:
        self._mails = os.open(directory / "inbox.mails", os.O_RDONLY)
        self._index = os.open(directory / "inbox.index", os.O_RDONLY)
        self._chance = random.Random()

    @property
    def name(self) -> str:
        """Return the name under which the ledger keeps it."""
        return "hello@soak/INBOX"

    @property
    def role(self) -> Role:
        """Say that it is an inbox."""
        return Role.INBOX

    def open(self) -> int:
        """Return the UIDVALIDITY."""
        self._may_fail()
        return 1

    def uids_from(self, first: int) -> list[int]:
        """Return the UIDs at or above `first`."""
        self._may_fail()
        return list(range(max(1, first), self.count() + 1))

    def count(self) -> int:
        """Return how many mails there are."""
        return os.fstat(self._index).st_size // _ENTRY.size

    def glimpses(self, uids: Sequence[int]) -> Iterator[list[Glimpse]]:
        """Yield what can be told without the bodies."""
        for start in range(0, len(uids), MAILS_AT_A_TIME):
            self._may_fail()
            yield [self._glimpse(uid) for uid in uids[start : start + MAILS_AT_A_TIME]]

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield the mails in batches."""
        for start in range(0, len(uids), MAILS_AT_A_TIME):
            self._may_fail()
            yield [self._hand_out(uid) for uid in uids[start : start + MAILS_AT_A_TIME]]

    def close(self) -> None:
        """Do nothing."""

    def _glimpse(self, uid: int) -> Glimpse:
        _, size, at = self._entry(uid)
        return Glimpse(uid, at, size)

    def _hand_out(self, uid: int) -> FetchedMail:
        place, size, at = self._entry(uid)
        return FetchedMail(uid, os.pread(self._mails, size, place), size, at, is_whole=True)

    def _entry(self, uid: int) -> tuple[int, int, datetime]:
        packed = os.pread(self._index, _ENTRY.size, (uid - 1) * _ENTRY.size)
        place, size, at = _ENTRY.unpack(packed)
        return place, size, datetime.fromtimestamp(at, UTC)

    def _may_fail(self) -> None:
        if self._chance.random() < FAILS:
            raise MailboxError("The connection broke, as connections do.")
