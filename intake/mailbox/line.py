"""One connection to one folder: dropped after any failure, and made anew when next needed."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from intake.mailbox.connecting import connect, cut, is_an_answer
from intake.mailbox.door import MailboxError
from intake.mailbox.explaining import explain
from intake.mailbox.folders import examine, folder_of
from intake.mailbox.idling import Idling
from intake.mailbox.server import ImapServer
from intake.mailbox.server_words import clean, farewell_of

log = logging.getLogger(__name__)

LOGOUT_S = 3.0
IDLE_FAILURES = 3
IDLE_REST_S = 600.0
"""After so many IDLEs in a row that broke the connection, the server is spared them for so long."""

Result = TypeVar("Result")


class UnusableAnswerError(MailboxError):
    """The server answered, but not with what was asked for; other questions may do better."""


class BrokenOffError(MailboxError):
    """The connection failed, or what came could not be read, while something was asked."""


class Line:
    """A connection to a folder; every failure is a `MailboxError`. Not to be shared by threads.

    `exists` and `uid_next` are as of the last EXAMINE, `listed` as of the EXAMINE before the mails
    were last listed: what came in between was told of once, and is not told of again.
    """

    def __init__(self, server: ImapServer) -> None:
        self.server = server
        self.client: Any = None
        self.validity: int | None = None
        self.exists = 0
        self.listed: int | None = None
        self.uid_next = 0
        self.idling: Idling | None = None
        self.connections = 0
        self._folder = ""
        self._idle_failures = 0
        self._no_idle_before = 0.0

    def open(self) -> int:
        """Connect if need be, EXAMINE the folder, return UIDVALIDITY (RFC 9051 2.3.1.1).

        A connection that went stale since it was last used is made anew at once.
        """
        self.end_idle()
        was_connected = self.client is not None
        try:
            self.validity = self._told(self._open)
        except BrokenOffError:
            if not was_connected:
                raise
            self.validity = self._told(self._open)
        return self.validity

    def ask(self, question: Callable[[Any], Result]) -> Result:
        """Return the answer to `question`, which is given the client of the open folder.

        Raises `UnusableAnswerError`, `BrokenOffError`, or another `MailboxError` when nothing can
        be had from this server at present.
        """
        self.end_idle()
        if self.client is None and self._told(self._open) != self.validity:
            self.drop()
            raise MailboxError(
                "The mailbox was made anew on the server while it was read. Kith will try again."
            )
        return self._told(lambda: question(self.client))

    def has(self, capability: str) -> bool:
        """Return whether the server can do something; False while there is no connection."""
        return self.client is not None and bool(
            self._told(lambda: self.client.has_capability(capability))
        )

    def idle(self) -> Idling | None:
        """Return the IDLE that runs, or a new one; None where there is none to be had.

        Raises `MailboxError` if the connection broke over it.
        """
        if self.idling is not None:
            return self.idling
        rests = time.monotonic() < self._no_idle_before
        if rests or not self.server.idle or self.client is None or not self.has("IDLE"):
            return None
        try:
            missed = self.listed is not None and self.listed != self.exists
            self.idling = self._told(lambda: Idling.begin(self.client, missed=missed))
        except MailboxError:
            self._count_idle_failure()
            raise
        return self.idling

    def end_idle(self, within: float | None = None) -> bool:
        """End the IDLE if one runs, and return whether the server had said something meanwhile.

        A server that does not answer within so many seconds has its connection dropped; that also
        counts as something said, for a look to find out.
        """
        idling, self.idling = self.idling, None
        if idling is None or self.client is None:
            return False
        try:
            said = idling.end(within, afterwards=self.server.read_timeout)
        except Exception:
            log.info("mailbox=idle-broke-off reason=%r", clean(farewell_of(self.client)))
            self.drop()
            self._count_idle_failure()
            return True
        self._idle_failures = 0
        return said

    def close(self) -> None:
        """Log out if the connection still stands; a broken one is dropped."""
        self.end_idle(within=LOGOUT_S)
        client, self.client = self.client, None
        if client is None:
            return
        try:
            client.socket().settimeout(LOGOUT_S)
            client.logout()
        except Exception:
            cut(client)

    def drop(self) -> None:
        """Let go of the connection without a word: its state is unknown."""
        client, self.client = self.client, None
        self.idling = None
        if client is not None:
            cut(client)

    def _open(self) -> int:
        if self.client is None:
            self.client = connect(self.server)
            self.connections += 1
            self._folder = folder_of(self.client, self.server)
        told = examine(self.client, self._folder, self.server)
        self.exists = int(told.get(b"EXISTS", 0))
        self.uid_next = int(told.get(b"UIDNEXT", 0))
        validity = told.get(b"UIDVALIDITY")
        if not validity:
            raise MailboxError(
                f"The mail server gives no UIDVALIDITY for {self._folder!r}; without it "
                "mails cannot be told apart, so nothing was read. Ask the mail provider."
            )
        return int(validity)

    def _told(self, act: Callable[[], Result]) -> Result:
        """Run `act`; after any failure the connection is dropped, since its state is unknown."""
        try:
            return act()
        except MailboxError:
            self.drop()
            raise
        except Exception as error:
            told = explain(error, self.server, farewell_of(self.client))
            self.drop()
            kind: type[MailboxError] = BrokenOffError
            if told.needs_sign_in or told.retry_after is not None:
                kind = MailboxError
            elif is_an_answer(error):
                kind = UnusableAnswerError
            raise kind(
                told.words, needs_sign_in=told.needs_sign_in, retry_after=told.retry_after
            ) from error

    def _count_idle_failure(self) -> None:
        self._idle_failures += 1
        if self._idle_failures >= IDLE_FAILURES:
            self._idle_failures = 0
            self._no_idle_before = time.monotonic() + IDLE_REST_S
