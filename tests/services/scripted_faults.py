"""What the scripted IMAP server does instead of answering as it should."""

import time
from dataclasses import dataclass
from typing import Protocol


class Wire(Protocol):
    """What a fault may do with the connection."""

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""

    def hang(self) -> None:
        """Say nothing more until the client goes or the server stops."""

    def hang_up(self) -> None:
        """Close the connection."""


class Fault(Protocol):
    """One way of not answering; `answer` is the whole regular answer, `tag` the command's."""

    def play(self, wire: Wire, tag: str, answer: bytes) -> None:
        """Do it."""


@dataclass(frozen=True)
class Says:
    """Answers with this status and text: `Says("NO [ALERT] Too many ...")`."""

    text: str

    def play(self, wire: Wire, tag: str, answer: bytes) -> None:
        wire.send(f"{tag} {self.text}\r\n".encode())


@dataclass(frozen=True)
class SaysFirst:
    """Puts an untagged line before its regular answer: `SaysFirst("5 EXISTS")`."""

    text: str

    def play(self, wire: Wire, tag: str, answer: bytes) -> None:
        wire.send(f"* {self.text}\r\n".encode() + answer)


@dataclass(frozen=True)
class Bye:
    """Says BYE with a reason, and closes."""

    reason: str = "Autologout; idle for too long"

    def play(self, wire: Wire, tag: str, answer: bytes) -> None:
        wire.send(f"* BYE {self.reason}\r\n".encode())
        wire.hang_up()


@dataclass(frozen=True)
class Hangs:
    """Sends so many bytes of its answer, and then nothing more; the connection stays."""

    after: int = 0

    def play(self, wire: Wire, tag: str, answer: bytes) -> None:
        wire.send(answer[: self.after])
        wire.hang()


@dataclass(frozen=True)
class Drops:
    """Sends so many bytes of its answer, and closes the connection."""

    after: int = 0

    def play(self, wire: Wire, tag: str, answer: bytes) -> None:
        wire.send(answer[: self.after])
        wire.hang_up()


@dataclass(frozen=True)
class Dribbles:
    """Sends its whole answer in pieces of so many bytes, with so many seconds between them."""

    size: int = 7
    pause: float = 0.002

    def play(self, wire: Wire, tag: str, answer: bytes) -> None:
        for start in range(0, len(answer), self.size):
            wire.send(answer[start : start + self.size])
            time.sleep(self.pause)


@dataclass
class Spoiler:
    """When a fault plays: at this command, if its line has all of these words, so many times."""

    command: str
    fault: Fault
    times: int | None
    uid: int | None
    containing: str

    def matches(self, command: str, line: str, uids: frozenset[int]) -> bool:
        """Tell whether it is the turn of this fault."""
        is_left = self.times is None or self.times > 0
        is_the_mail = self.uid is None or self.uid in uids
        return is_left and command == self.command and is_the_mail and self.containing in line
