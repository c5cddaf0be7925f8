"""The parent's ends of the pipes: everything takes place before a moment, or not at all."""

import os
import select
import time
from collections.abc import Callable

from casework.apart.errors import StoppedError
from casework.apart.messages import HEADER

LONGEST_ANSWER = 100_000_000
"""Bytes; an opinion on the largest mail is some megabytes."""
LOOK_SECONDS = 0.25
"""Between two looks whether the work is to stop."""
_AT_ONCE = 1 << 18


class GoneError(Exception):
    """The child closed its end: it is dead or dying."""


class LateError(Exception):
    """It was not done in time."""


class Wires:
    """Frames to and from a child. Raises `GoneError`, `LateError` and `StoppedError`."""

    def __init__(self, to_child: int, from_child: int, should_stop: Callable[[], bool]) -> None:
        self._to, self._from, self._should_stop = to_child, from_child, should_stop
        self._until = 0.0
        os.set_blocking(to_child, False)
        os.set_blocking(from_child, False)

    def allow(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        """Let what follows take so long in all."""
        self._until = time.monotonic() + seconds
        self._should_stop = should_stop

    def send(self, payload: bytes) -> None:
        """Write one frame."""
        for part in (HEADER.pack(len(payload)), payload):
            rest = memoryview(part)
            while rest:
                self._wait(self._to, select.POLLOUT)
                try:
                    rest = rest[os.write(self._to, rest[:_AT_ONCE]) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    raise GoneError from None

    def receive(self) -> bytes:
        """Read one frame."""
        size: int = HEADER.unpack(self._exactly(HEADER.size))[0]
        if size > LONGEST_ANSWER:
            raise GoneError  # what says so is no child of ours any more
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            self._wait(self._from, select.POLLIN)
            try:
                piece = os.read(self._from, min(size - len(found), _AT_ONCE))
            except BlockingIOError:
                continue
            if not piece:
                raise GoneError
            found += piece
        return bytes(found)

    def _wait(self, pipe: int, event: int) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        while True:
            left = self._until - time.monotonic()
            if left <= 0:
                raise LateError
            if poll.poll(min(left, LOOK_SECONDS) * 1000):
                return
            if self._should_stop():
                raise StoppedError
