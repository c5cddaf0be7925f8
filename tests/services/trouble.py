"""What may go wrong between Kith and a mail server, decided without touching a socket.

A conversation is told the bytes of either side and answers with steps. At most one fault happens to
a connection; which, and where, its `Trouble` says.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Protocol(StrEnum):
    """What is spoken through the proxy."""

    IMAP = "imap"
    SMTP = "smtp"


class Fault(StrEnum):
    """What can happen to a connection."""

    REFUSED = "refused"
    ANSWER_CUT = "answer cut"
    QUESTION_CUT = "question cut"
    ANSWER_CORRUPTED = "answer corrupted"
    HALVES = "every piece in halves"
    DELAYED = "delayed"
    REFUSED_MAIL = "MAIL refused"
    REFUSED_RCPT = "RCPT refused"
    REFUSED_DATA = "DATA refused"
    REFUSED_LETTER = "letter refused"
    TAKEN_THEN_DROPPED = "dropped after the letter was taken"
    LOST_THEN_DROPPED = "dropped before the letter was taken"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault of one connection.

    `at` counts, from nothing, bytes for a cut, lines of the server for corruption, and commands of
    the kind for SMTP refusals; `reply` is what is said in the server's place.
    """

    fault: Fault
    at: int = 0
    reply: bytes = b"451 4.3.0 try again later\r\n"


@dataclass(frozen=True, slots=True)
class ToClient:
    """Give these bytes to Kith."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ToServer:
    """Give these bytes to the mail server."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a moment."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection in good order on both sides."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Cut the connection on both sides."""


Step = ToClient | ToServer | Wait | Close | Reset
Plan = Callable[[int], Trouble | None]
"""Says what happens to the connection of a number, counted from nothing."""

PAUSE_SECONDS = 0.002
OUTAGE_CONNECTIONS = 3


def no_trouble(_number: int) -> Trouble | None:
    """Plan that nothing goes wrong."""
    return None


def one_after_the_other(*troubles: Trouble | None) -> Plan:
    """Return the plan of these troubles, one for each connection; then calm."""
    return lambda number: troubles[number] if number < len(troubles) else None


def seeded(protocol: Protocol, seed: int | str, rate: float = 0.6) -> Plan:
    """Return a plan in which a share `rate` of the connections has trouble of some kind.

    Now and then nobody can connect for a while.
    """

    def plan(number: int) -> Trouble | None:
        outage = random.Random(f"{protocol}/{seed}/outage/{number // OUTAGE_CONNECTIONS}")
        if outage.random() < rate / 8:
            return Trouble(Fault.REFUSED)
        chance = random.Random(f"{protocol}/{seed}/{number}")
        if chance.random() >= rate:
            return None
        return _imap_trouble(chance) if protocol is Protocol.IMAP else _smtp_trouble(chance)

    return plan


def _bytes(chance: random.Random, most: float) -> int:
    # Evenly over the orders of magnitude: half of all cuts come while one signs in.
    return int(10 ** chance.uniform(0.5, most))


def _imap_trouble(chance: random.Random) -> Trouble:
    match chance.randrange(6):
        case 0 | 1:
            return Trouble(Fault.ANSWER_CUT, _bytes(chance, 4.5))
        case 2:
            return Trouble(Fault.QUESTION_CUT, _bytes(chance, 2.8))
        case 3:
            return Trouble(Fault.ANSWER_CORRUPTED, chance.randrange(14))
        case 4:
            return Trouble(Fault.HALVES)
        case _:
            return Trouble(Fault.DELAYED)


REFUSALS = (
    b"450 4.2.1 the mailbox is busy\r\n",
    b"451 4.3.0 try again later\r\n",
    b"452 4.3.1 the disk is full\r\n",
    b"421 4.7.0 too many connections, closing\r\n",
    b"550 5.1.1 no such user\r\n",
    b"554-5.7.1 we do not like\r\n554 5.7.1 this letter\r\n",
)
_SMTP_STAGES = (
    Fault.REFUSED_MAIL,
    Fault.REFUSED_RCPT,
    Fault.REFUSED_DATA,
    Fault.REFUSED_LETTER,
    Fault.TAKEN_THEN_DROPPED,
    Fault.LOST_THEN_DROPPED,
)


def _smtp_trouble(chance: random.Random) -> Trouble:
    match chance.randrange(10):
        case 0:
            return Trouble(Fault.ANSWER_CUT, _bytes(chance, 3))
        case 1:
            return Trouble(Fault.QUESTION_CUT, _bytes(chance, 4))
        case 2:
            return Trouble(Fault.ANSWER_CORRUPTED, chance.randrange(14))
        case 3:
            return Trouble(chance.choice((Fault.HALVES, Fault.DELAYED)))
        case _:
            fault = chance.choice(_SMTP_STAGES)
            return Trouble(fault, chance.randrange(3), chance.choice(REFUSALS))


class Conversation:
    """Passes on what either side says, with at most one fault; `happened` counts it."""

    def __init__(self, trouble: Trouble | None) -> None:
        self.trouble = trouble
        self.happened: Counter[Fault] = Counter()
        self._told = {Fault.ANSWER_CUT: 0, Fault.QUESTION_CUT: 0}
        self._lines = _Lines()

    def from_client(self, data: bytes) -> Iterator[Step]:
        """Yield what follows from bytes of Kith's."""
        yield from self._cut_or_pass(Fault.QUESTION_CUT, data, ToServer)

    def from_server(self, data: bytes) -> Iterator[Step]:
        """Yield what follows from bytes of the mail server's."""
        if self._has(Fault.ANSWER_CORRUPTED):
            data = self._corrupted(data)
        yield from self._cut_or_pass(Fault.ANSWER_CUT, data, ToClient)

    def _has(self, fault: Fault) -> bool:
        return self.trouble is not None and self.trouble.fault is fault

    def _cut_or_pass(
        self, cut: Fault, data: bytes, onwards: Callable[[bytes], Step]
    ) -> Iterator[Step]:
        if self._has(cut) and self.trouble is not None:
            left = self.trouble.at - self._told[cut]
            self._told[cut] += len(data)
            if left < len(data):
                self.happened[cut] += 1
                yield onwards(data[: max(0, left)])
                yield Reset()
                return
        yield from self._slowly(data, onwards)

    def _slowly(self, data: bytes, onwards: Callable[[bytes], Step]) -> Iterator[Step]:
        if self._has(Fault.DELAYED):
            self._count_once(Fault.DELAYED)
            yield Wait(PAUSE_SECONDS)
        if self._has(Fault.HALVES) and len(data) > 1:
            self._count_once(Fault.HALVES)
            yield onwards(data[: len(data) // 2])
            yield Wait(PAUSE_SECONDS)
            data = data[len(data) // 2 :]
        yield onwards(data)

    def _corrupted(self, data: bytes) -> bytes:
        assert self.trouble is not None
        changed = bytearray(data)
        for number, place in self._lines.starts_in(data):
            if number == self.trouble.at:
                changed[place] = ord("?")
                self.happened[Fault.ANSWER_CORRUPTED] += 1
        return bytes(changed)

    def _count_once(self, fault: Fault) -> None:
        if not self._told.get(fault):
            self._told[fault] = 1
            self.happened[fault] += 1


class SmtpConversation(Conversation):
    """Knows the commands, so that it can answer in the server's place."""

    def __init__(self, trouble: Trouble | None) -> None:
        super().__init__(trouble)
        self._said = bytearray()
        self._stages: Counter[Fault] = Counter()
        self._data_asked = self._in_data = self._drop_on_answer = False

    def from_client(self, data: bytes) -> Iterator[Step]:
        """Yield what follows from bytes of Kith's: commands one by one, a letter as a whole."""
        self._said += data
        while (taken := self._taken()) is not None:
            yield from self._letter(taken) if self._in_data else self._command(taken)

    def from_server(self, data: bytes) -> Iterator[Step]:
        """Yield what follows from bytes of the mail server's."""
        if self._drop_on_answer:
            self.happened[Fault.TAKEN_THEN_DROPPED] += 1
            yield Reset()
            return
        if self._data_asked:
            self._data_asked, self._in_data = False, data.startswith(b"354")
        yield from super().from_server(data)

    def _taken(self) -> bytes | None:
        mark = b"\r\n.\r\n" if self._in_data else b"\r\n"
        end = self._said.find(mark)
        if end < 0:
            return None
        taken = bytes(self._said[: end + len(mark)])
        del self._said[: len(taken)]
        return taken

    def _command(self, line: bytes) -> Iterator[Step]:
        fault = _STAGE_OF.get(line[:4].upper())
        if fault is not None and self._is_now(fault) and self.trouble is not None:
            self.happened[fault] += 1
            yield ToClient(self.trouble.reply)
            return
        self._data_asked = line[:4].upper() == b"DATA"
        yield from super().from_client(line)

    def _letter(self, text: bytes) -> Iterator[Step]:
        self._in_data = False
        is_refused = self._is_now(Fault.REFUSED_LETTER)
        is_lost = self._is_now(Fault.LOST_THEN_DROPPED)
        self._drop_on_answer = self._is_now(Fault.TAKEN_THEN_DROPPED)
        if is_refused and self.trouble is not None:
            # The server never sees the end of the letter, so it takes none of it.
            self.happened[Fault.REFUSED_LETTER] += 1
            yield ToClient(self.trouble.reply)
            yield Close()
        elif is_lost:
            self.happened[Fault.LOST_THEN_DROPPED] += 1
            yield ToServer(text[: len(text) // 2])
            yield Reset()
        else:
            yield from super().from_client(text)

    def _is_now(self, fault: Fault) -> bool:
        if not self._has(fault) or self.trouble is None:
            return False
        self._stages[fault] += 1
        return self._stages[fault] == self.trouble.at + 1


_STAGE_OF = {
    b"MAIL": Fault.REFUSED_MAIL,
    b"RCPT": Fault.REFUSED_RCPT,
    b"DATA": Fault.REFUSED_DATA,
}


class _Lines:
    """Where the lines of a server begin: IMAP's literals, the mails themselves, are passed over."""

    def __init__(self) -> None:
        self._number = -1
        self._line = bytearray()
        self._at_start = True
        self._literal = 0

    def starts_in(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield the number of each line that begins in `data`, and the place where it does."""
        place = 0
        while place < len(data):
            if self._literal:
                skipped = min(self._literal, len(data) - place)
                self._literal -= skipped
                place += skipped
                continue
            if self._at_start:
                self._number += 1
                self._at_start = False
                yield self._number, place
            place = self._to_the_end(data, place)

    def _to_the_end(self, data: bytes, place: int) -> int:
        end = data.find(b"\n", place)
        if end < 0:
            self._line += data[place:]
            return len(data)
        self._line += data[place : end + 1]
        self._literal = _announced(self._line)
        # After a literal the same answer goes on: no new line begins there.
        self._at_start = not self._literal
        self._line.clear()
        return end + 1


def _announced(line: Sequence[int]) -> int:
    """Return the size of the literal that a line of IMAP announces at its end, 0 for none."""
    text = bytes(line).rstrip(b"\r\n")
    if not text.endswith(b"}"):
        return 0
    size = text[text.rfind(b"{") + 1 : -1]
    return int(size) if size.isdigit() else 0


def converse(protocol: Protocol, trouble: Trouble | None) -> Conversation:
    """Return a conversation that has this trouble."""
    kind = SmtpConversation if protocol is Protocol.SMTP else Conversation
    return kind(trouble)
