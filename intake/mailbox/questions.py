"""The questions put to an open folder, each in its robust form.

Extensions (Gmail's, OBJECTID of RFC 8474) are asked for where the server says it knows them. One
that then does not is asked without, from then on.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from intake.mailbox.answers import (
    GMAIL,
    LABELS,
    OBJECTID,
    ONLY_THE_ID,
    SIZE,
    Answer,
    Known,
    glimpses_in,
    known_in,
    mails_in,
)
from intake.mailbox.batches import is_outsized
from intake.mailbox.door import FetchedMail, Glimpse
from intake.mailbox.line import BrokenOffError, Line, UnusableAnswerError

BEGINNING_BYTES = 262_144
"""How much is read of a mail that is larger than the limit, or whose size is unknown."""
MOST_FOUND = 80_000
"""So many UIDs of ten digits fit into the longest line that the library reads (1 MB)."""
MOST_WINDOWS = 500
UIDS_TO_A_SEARCH = 1000

Result = TypeVar("Result")


class Questions:
    """What can be asked about mails; a mail that the server does not tell of is left out."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._without_extras = 0
        """The number of the connection on which extensions were asked for in vain."""

    def sizes(self, uids: Sequence[int]) -> dict[int, Known] | None:
        """Return what is known of the mails, or None for an unusable answer."""
        return self._with_extras(lambda extras: known_in(self._fetch(uids, [SIZE, *extras])))

    def mails(self, batch: Sequence[tuple[int, Known]]) -> dict[int, FetchedMail] | None:
        """Return the mails, or None; of an outsized one, or one of unknown size, the beginning."""
        size = batch[0][1].size
        in_part = size is None or is_outsized(self._line.server, size)
        item = f"BODY.PEEK[]<0.{BEGINNING_BYTES}>" if in_part else "BODY.PEEK[]"
        answer = self.asked(lambda: self._fetch([uid for uid, _ in batch], [item, "INTERNALDATE"]))
        if answer is None:
            return None
        return mails_in(answer, dict(batch), part=BEGINNING_BYTES if in_part else None)

    def has_a_byte(self, uid: int) -> bool:
        """Return whether the first byte of the mail can be had."""
        answer = self.asked(lambda: self._fetch([uid], ["BODY.PEEK[]<0.1>"]))
        return bool(answer and mails_in(answer, {uid: Known(1)}, part=1))

    def glimpses(self, uids: Sequence[int]) -> dict[int, Glimpse] | None:
        """Return what can be told of the mails without their bodies, or None."""
        return self._with_extras(lambda extras: self._ask_glimpses(uids, extras))

    def present(self, first: int = 1) -> list[int]:
        """Return the UIDs in the folder, at or above `first`, ascending."""
        found: list[int] = []
        for window in self._windows(first):
            found += self._found(window)
        return sorted({uid for uid in found if uid >= first})

    def still_there(self, uids: Sequence[int]) -> list[int]:
        """Return those of the UIDs that are in the folder, ascending."""
        asked = set(uids)
        ordered = sorted(asked)
        found: list[int] = []
        for start in range(0, len(ordered), UIDS_TO_A_SEARCH):
            part = ordered[start : start + UIDS_TO_A_SEARCH]
            found += self._found(",".join(map(str, part)))
        return sorted(asked.intersection(found))

    def asked(self, ask: Callable[[], Result]) -> Result | None:
        """Return the answer, or None for an unusable one; a failed connection raises."""
        with suppress(UnusableAnswerError):
            return ask()
        return None

    def _with_extras(self, ask: Callable[[Sequence[str]], Result]) -> Result | None:
        """Ask with the server's extensions; if that fails without, which may teach us something.

        What it taught holds for one connection: it may have been a bad moment.
        """
        extras = self._extras()
        if extras and self._line.connections != self._without_extras:
            try:
                return ask(extras)
            except UnusableAnswerError:
                pass
            except BrokenOffError as error:
                if isinstance(error.__cause__, TimeoutError):
                    raise
        answer = self.asked(partial(ask, ()))
        if extras and answer is not None:
            self._without_extras = self._line.connections
        return answer

    def _extras(self) -> Sequence[str]:
        self._line.ask(lambda _: None)  # connects, if need be
        if self._line.has("X-GM-EXT-1"):
            return GMAIL
        return OBJECTID if self._line.has("OBJECTID") else ()

    def _ask_glimpses(self, uids: Sequence[int], extras: Sequence[str]) -> dict[int, Glimpse]:
        labels = [LABELS] if extras == GMAIL else []
        items = ["INTERNALDATE", SIZE, ONLY_THE_ID, *extras, *labels]
        return glimpses_in(self._fetch(uids, items))

    def _fetch(self, uids: Sequence[int], items: Sequence[str]) -> Answer:
        answer: Answer = self._line.ask(lambda client: client.fetch(uids, items))
        return answer

    def _found(self, uid_set: str) -> list[int]:
        def search(client: Any) -> list[int]:
            return [int(uid) for uid in client.search(["UID", uid_set])]

        return self._line.ask(search)

    def _windows(self, first: int) -> Iterator[str]:
        """Yield sets of UIDs that together are all from `first`, each of a bearable number.

        Where there are too many mails for one line, and UIDs too sparse for windows, one search
        must do.
        """
        self._line.ask(lambda _: None)
        following = self._line.uid_next
        few = self._line.exists <= MOST_FOUND
        if few or (following - first) > MOST_FOUND * MOST_WINDOWS:
            yield f"{first}:*"
            return
        start = first
        while start + MOST_FOUND < following:
            yield f"{start}:{start + MOST_FOUND - 1}"
            start += MOST_FOUND
        yield f"{start}:*"
