"""One question to a provider's server: a form is posted, a small answer is read, all in time.

A time limit on a socket begins anew with each byte that arrives, so here every wait is given what
is left of one budget. The name service has limits of its own. Redirects are not followed.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from config.oauth.errors import TokenServerUnreachableError

LARGEST_ANSWER = 64 * 1024
LONGEST_WAIT_ASKED = 3600.0

Left = Callable[[], float]
"""Returns the seconds that the next wait may take; raises `TimeoutError` when there are none."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What the server said. `retry_after`: the seconds it asked us to wait, if it did."""

    status: int
    body: bytes
    retry_after: float | None = None


def left_of(seconds: float) -> Left:
    """Return what tells how much is left of `seconds` from now."""
    ends_at = time.monotonic() + seconds

    def left() -> float:
        rest = ends_at - time.monotonic()
        if rest <= 0:
            raise TimeoutError("the time for this is up")
        return rest

    return left


def post_form(url: str, form: Mapping[str, str], *, left: Left) -> WebAnswer:
    """Post `form` and return the answer, whatever its status, within the time that is left.

    Raises `TokenServerUnreachableError`, in whose words nothing of the form or the answer stands.
    """
    try:
        return _post(urlsplit(url), urlencode(form), left)
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        raise TokenServerUnreachableError(_what_failed(error)) from None


def _post(url: SplitResult, body: str, left: Left) -> WebAnswer:
    connection = http.client.HTTPConnection(url.hostname or "", url.port)
    sock = _connected(url, left)
    try:
        connection.sock = sock
        connection.response_class = _timed(left)
        path = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
        connection.request("POST", path, body.encode("ascii"), _headers(url))
        with connection.getresponse() as answer:
            text = answer.read(LARGEST_ANSWER + 1)
    finally:
        connection.close()
        sock.close()
    if len(text) > LARGEST_ANSWER:
        raise http.client.HTTPException("an answer beyond all measure")
    return WebAnswer(answer.status, text, _asked_to_wait(answer.getheader("Retry-After")))


def _headers(url: SplitResult) -> dict[str, str]:
    return {
        "Host": url.netloc.rpartition("@")[2],
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        "User-Agent": "Kith",
        "Connection": "close",
    }


def _connected(url: SplitResult, left: Left) -> socket.socket:
    sock = _reached(url.hostname or "", url.port or (443 if url.scheme == "https" else 80), left)
    if url.scheme != "https":
        return sock
    try:
        sock.settimeout(left())
        return ssl.create_default_context().wrap_socket(sock, server_hostname=url.hostname)
    except BaseException:
        sock.close()
        raise


def _reached(host: str, port: int, left: Left) -> socket.socket:
    """Try each address with a fair share of the time, since one may be a black hole."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    problem = OSError("the server has no address")
    for tried, (*_, address) in enumerate(addresses):
        try:
            share = left() / (len(addresses) - tried)
            return socket.create_connection((str(address[0]), int(address[1])), share)
        except OSError as error:
            problem = error
    raise problem


class _Incoming(io.RawIOBase):
    """What arrives, waited for no longer than is left."""

    def __init__(self, source: socket.socket, left: Left) -> None:
        self._source = source
        self._left = left
        self._raw = source.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._source.settimeout(self._left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Wire:
    """All that http.client wants of a socket when it reads an answer."""

    def __init__(self, source: socket.socket, left: Left) -> None:
        self._source = source
        self._left = left

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._source, self._left))


def _timed(left: Left) -> Any:
    def make(sock: socket.socket, **more: Any) -> http.client.HTTPResponse:
        wire: Any = _Wire(sock, left)
        return http.client.HTTPResponse(wire, **more)

    return make


def _asked_to_wait(header: str | None) -> float | None:
    text = (header or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    return min(float(text), LONGEST_WAIT_ASKED)


def _what_failed(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "showed a certificate that cannot be trusted"
    if isinstance(error, ssl.SSLError):
        return "could not be spoken to securely"
    if isinstance(error, socket.gaierror):
        return "was not found (is the network down?)"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, http.client.HTTPException):
        return "gave an answer that cannot be read"
    return f"could not be reached ({type(error).__name__})"
