"""An IDLE in progress (RFC 2177): the server speaks when there is news, until we say DONE.

What the server says is not read for its meaning: that it said something is enough, a search finds
out what. So neither lines that come in pieces nor lines of unknown kinds can do harm. Only its own
"Still here" is told apart.
"""

import selectors
import time
from contextlib import suppress
from imaplib import IMAP4
from typing import Any

DONE_S = 10.0


class Idling:
    """One IDLE on one client; after `end` it is over."""

    def __init__(self, client: Any, *, said_before: bool) -> None:
        self._client = client
        self._said_before = said_before
        self._since = time.monotonic()

    @classmethod
    def begin(cls, client: Any, *, missed: bool) -> "Idling":
        """Send IDLE and wait for the server's go-ahead; `missed` says that there is news already.

        Whatever the server said of the number of mails since the folder was opened, in passing
        while it answered other questions, it will not say again: it counts as said.
        """
        told_in_passing = _times_counted(client) > 1
        told_ahead = _go_ahead(client)
        return cls(client, said_before=missed or told_in_passing or told_ahead)

    @property
    def age(self) -> float:
        """Return for how many seconds it has been going on."""
        return time.monotonic() - self._since

    def socket(self) -> Any:
        """Return the socket to wait on."""
        return self._client.socket()

    def has_rung(self) -> bool:
        """Return whether something was said, or the connection ended, that was not read yet."""
        return self._said_before or self._has_bytes_waiting()

    def end(self, within: float | None, *, afterwards: float) -> bool:
        """Say DONE, wait so many seconds for the answer, and return whether there was news.

        `afterwards` is the time limit to put back. Raises what the library and the socket raise.
        """
        self.socket().settimeout(DONE_S if within is None else within)
        _, said = self._client.idle_done()
        self.socket().settimeout(afterwards)
        return self._said_before or any(not _is_small_talk(response) for response in said)

    def _has_bytes_waiting(self) -> bool:
        """Look into the library's buffer and at the socket, without waiting and without reading.

        The end of the connection shows as a socket that is ready.
        """
        file = getattr(self._client._imap, "_file", None) or self._client._imap.file
        sock = self.socket()
        before = sock.gettimeout()
        sock.settimeout(0)
        try:
            with suppress(OSError):  # nothing there: TLS says so by an error
                if file.peek(1):
                    return True
        finally:
            sock.settimeout(before)
        return _is_at_its_end(sock)


def _go_ahead(client: Any) -> bool:
    """Send IDLE, read up to the go-ahead, and return whether the server said something before it.

    The library's own `idle()` takes that for an error.
    """
    imap = client._imap
    tag = client._idle_tag = imap._command("IDLE")
    told_ahead = False
    while imap._get_response() is not None:
        if imap.tagged_commands[tag]:
            _, words = imap.tagged_commands.pop(tag)
            raise IMAP4.error(f"IDLE failed: {words[-1]!r}")
        told_ahead = True
    return told_ahead


def _is_at_its_end(sock: Any) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _times_counted(client: Any) -> int:
    return len(client._imap.untagged_responses.get("EXISTS") or ())


def _is_small_talk(response: object) -> bool:
    """Return whether it is only an OK: the server's way to keep the line open."""
    return isinstance(response, tuple) and len(response) > 0 and response[0] == b"OK"
