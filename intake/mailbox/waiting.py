"""Waiting for news: by IDLE where the server can, else until the time is over.

The IDLE goes on from one `wait` to the next, so that short waits cost no traffic. It is ended and
begun again every so often: that finds a connection which died without a word, and keeps routers
and servers from forgetting us (RFC 2177 allows 29 minutes, many servers less than ten). Whatever
fails over it only costs the connection; the next poll makes a new one.
"""

import selectors
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

from intake.mailbox.door import Mailbox, MailboxError
from intake.mailbox.idling import Idling

CYCLE_S = 90.0
LOOK_S = 0.25
"""How often `should_stop` is asked."""
STOP_S = 2.0
"""How long a stop may take to end each IDLE properly."""
QUICK_S = 0.05
MOST_QUICK = 10
CALM_S = 0.5
"""After so many quick rings in a row each further one is held back this long: no server, whatever
it says, keeps us running in circles."""


@runtime_checkable
class _Bell(Protocol):
    """A mailbox that can wait by IDLE."""

    def idle(self) -> Idling | None: ...

    def end_idle(self, within: float | None = None) -> bool: ...


class Doorbell:
    """Waits on several mailboxes at once, in the thread that also reads them."""

    def __init__(self, *, cycle: float = CYCLE_S) -> None:
        self._cycle = cycle
        self._quick = 0

    def wait(
        self, mailboxes: Sequence[Mailbox], *, seconds: float, should_stop: Callable[[], bool]
    ) -> bool:
        """Wait at most so many seconds; return True as soon as some server has said something.

        Then, and after any trouble with a connection: poll now. A mailbox that is not open, or
        whose server has no IDLE, is waited for in silence. A stop ends every IDLE properly.
        """
        began = time.monotonic()
        rang = self._wait(
            [m for m in mailboxes if isinstance(m, _Bell)], began + seconds, should_stop
        )
        is_quick = rang and time.monotonic() - began < QUICK_S
        self._quick = self._quick + 1 if is_quick else 0
        if self._quick > MOST_QUICK:
            _sleep(CALM_S, should_stop)
        return rang

    def _wait(self, bells: Sequence[_Bell], until: float, should_stop: Callable[[], bool]) -> bool:
        while not should_stop():
            try:
                idlings = [idling for bell in bells if (idling := self._idling(bell))]
            except _NewsError:
                return True
            if any(idling.has_rung() for idling in idlings):
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            _pause(idlings, min(LOOK_S, left))
        for bell in bells:
            bell.end_idle(STOP_S)
        return False

    def _idling(self, bell: _Bell) -> Idling | None:
        """Return the mailbox's IDLE, begun again when it has gone on long enough."""
        try:
            idling = bell.idle()
            if idling is None or idling.age < self._cycle:
                return idling
            if not bell.end_idle():
                return bell.idle()
        except MailboxError as error:
            raise _NewsError from error
        raise _NewsError


class _NewsError(Exception):
    """Something was said or broke: whichever, a poll finds out."""


def _pause(idlings: Sequence[Idling], seconds: float) -> None:
    """Sleep until the time is over or a socket has something to read."""
    if not idlings:
        time.sleep(seconds)
        return
    with selectors.DefaultSelector() as selector:
        for idling in idlings:
            with suppress(
                KeyError, ValueError, OSError
            ):  # two of one, or closed: seen when looked at
                selector.register(idling.socket(), selectors.EVENT_READ)
        selector.select(seconds)


def _sleep(seconds: float, should_stop: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not should_stop() and (left := until - time.monotonic()) > 0:
        time.sleep(min(LOOK_S, left))
