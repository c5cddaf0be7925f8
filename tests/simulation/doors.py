"""Doors in memory, for worlds in which nothing but what is said matters."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from intake.mailbox import FetchedMail, Glimpse, Role

MAILS_AT_A_TIME = 50


class MemoryMailbox:
    """An inbox that never fails."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._mails: list[tuple[bytes, datetime]] = []

    @property
    def name(self) -> str:
        """Return the name under which the ledger keeps it."""
        return self._name

    @property
    def role(self) -> Role:
        """Say that it is an inbox."""
        return Role.INBOX

    def add(self, raw: bytes, at: datetime) -> int:
        """Let a mail arrive and return its UID."""
        self._mails.append((raw, at))
        return len(self._mails)

    def open(self) -> int:
        """Return the UIDVALIDITY."""
        return 1

    def uids_from(self, first: int) -> list[int]:
        """Return the UIDs at or above `first`."""
        return list(range(max(1, first), len(self._mails) + 1))

    def count(self) -> int:
        """Return how many mails there are."""
        return len(self._mails)

    def glimpses(self, uids: Sequence[int]) -> Iterator[list[Glimpse]]:
        """Yield what can be told without the bodies: when they arrived, and how large they are."""
        for uid in uids:
            raw, at = self._mails[uid - 1]
            yield [Glimpse(uid, at, len(raw))]

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield the mails in batches."""
        for start in range(0, len(uids), MAILS_AT_A_TIME):
            yield [self._hand_out(uid) for uid in uids[start : start + MAILS_AT_A_TIME]]

    def close(self) -> None:
        """Do nothing."""

    def _hand_out(self, uid: int) -> FetchedMail:
        raw, at = self._mails[uid - 1]
        return FetchedMail(uid, raw, len(raw), at, is_whole=True)


class MemoryTransport:
    """Hands every letter to somebody who takes it."""

    def __init__(self, take: Callable[[str, str, bytes], None]) -> None:
        self._take = take

    def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """Hand the letter over."""
        self._take(sender, recipient, content)
        return "250 2.0.0 taken"

    def close(self) -> None:
        """Do nothing."""
