"""smtplib with a time limit on everything.

Its own timeout begins anew with each byte that arrives and each address that is tried, so a server
that drips, or has many addresses, could hold a letter for hours.
"""

import io
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import Any

HELLO = "[127.0.0.1]"  # RFC 5321 4.1.3; the name of this machine is nobody's business
Left = Callable[[], float]
"""Returns the seconds that the next wait may take; raises `TimeoutError` when there are none."""


class TimedSmtp(smtplib.SMTP):
    """A conversation with a mail server, over TLS from the first byte if there is a `context`.

    No single wait is longer than `left()`, which is asked before each.
    """

    def __init__(self, host: str, port: int, left: Left, context: ssl.SSLContext | None) -> None:
        self._left = left
        self._context = context
        super().__init__(host, port, HELLO)

    def _get_socket(self, host: str, port: int, _timeout: object) -> socket.socket:
        """Connect; smtplib's own SMTP_SSL takes this way in too."""
        connected = _connect(host, port, self._left)
        connected.settimeout(self._left())
        if self._context is None:
            return connected
        return self._context.wrap_socket(connected, server_hostname=host)

    def send(self, s: Any) -> None:
        """Send a command or a letter."""
        self._limit()
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Return the server's answer to the last command."""
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Incoming(self.sock, self._left))
        answer = super().getreply()
        self._limit()  # for a TLS handshake, which may follow
        return answer

    def _limit(self) -> None:
        if self.sock is not None:
            self.sock.settimeout(self._left())


class _Incoming(io.RawIOBase):
    """What arrives, waited for no longer than is left."""

    def __init__(self, source: socket.socket, left: Left) -> None:
        self._source = source
        self._left = left

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for the next piece."""
        self._source.settimeout(self._left())
        return self._source.recv_into(buffer)


def addresses_of(host: str, port: int) -> list[Any]:
    """Return where the server may be reached, best first, as `socket.getaddrinfo` does."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _connect(host: str, port: int, left: Left) -> socket.socket:
    """Try each address with a fair share of the time, since one may be a black hole."""
    addresses = addresses_of(host, port)
    problem = OSError("the server has no address")
    for tried, (*_, address) in enumerate(addresses):
        try:
            return socket.create_connection(address[:2], left() / (len(addresses) - tried))
        except OSError as error:
            problem = error
    raise problem
