"""The back door: letters leave here, one recipient each, over one kept connection.

What matters is to know the truth about a letter. Until its last dot is sent it has certainly not
left; when the connection breaks after that and before the answer, nobody knows.
"""

import ipaddress
import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from config.errors import KithError

MAX_IDLE_S = 60.0
MAX_LETTERS = 100
_HELLO = "[127.0.0.1]"  # RFC 5321 4.1.3; the name of this machine is nobody's business
_CLOSING = 421
_ABOUT_US = (_CLOSING, 503, 530, 534, 535, 538)  # our login or order of commands, not the letter
_QUOTA = b"5.4.5"  # Gmail, when a day's letters are used up


class SmtpServerError(KithError):
    """The settings of the mail server cannot work; the sentence says which and why."""


class DeliveryError(KithError):
    """A letter was not delivered, or nobody knows.

    `permanent`: it will never be taken. `sent_unknown`: it may have left. `affects_all`:
    the server or our account is at fault, so other letters need not be tried now. `reply`: what the
    server said; it may hold an address, so it is for the database and not for the log.
    """

    def __init__(
        self,
        problem: str,
        *,
        permanent: bool = False,
        sent_unknown: bool = False,
        affects_all: bool = False,
        reply: str = "",
    ) -> None:
        super().__init__(problem)
        self.permanent = permanent
        self.sent_unknown = sent_unknown
        self.affects_all = affects_all
        self.reply = reply


class Transport(Protocol):
    """What takes letters away."""

    def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """Hand one letter over and return the server's reply. Raises `DeliveryError`."""

    def close(self) -> None:
        """Say goodbye; nothing is raised."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where letters leave. `security`: tls (from the first byte), starttls; none on loopback only.

    No login without `username`. `timeout` in seconds for each step.
    """

    host: str
    port: int
    security: str = "tls"
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 60.0


class SmtpTransport:
    """One kept connection, opened when the first letter comes. Not for two threads at once.

    Raises `SmtpServerError` for settings that cannot work.
    """

    def __init__(self, server: SmtpServer, *, clock: Callable[[], float] = time.monotonic) -> None:
        _check(server)
        self._server = server
        self._clock = clock
        self._smtp: smtplib.SMTP | None = None
        self._used_at = 0.0
        self._letters = 0

    def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """Hand one letter over and return the server's reply. Raises `DeliveryError`."""
        try:
            smtp = self._offer(sender, recipient)
            reply = self._hand_over(smtp, content)
        except DeliveryError:
            raise
        except BaseException:
            self._drop()  # in the middle of a conversation it is of no more use
            raise
        finally:
            self._used_at = self._clock()
        self._letters += 1
        return reply

    def connect(self) -> None:
        """Open the connection and log in, to see whether that works. Raises `DeliveryError`."""
        self.close()
        try:
            self._connect()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise _unreached(error) from error
        self._used_at = self._clock()

    def close(self) -> None:
        """Say goodbye; nothing is raised."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self._drop()

    def _offer(self, sender: str, recipient: str) -> smtplib.SMTP:
        """Return a connection that waits for the text of the letter; nothing has left so far."""
        try:
            smtp, answer = self._begin(sender)
            self._expect(smtp, answer, "refused the sender")
            self._expect(smtp, smtp.rcpt(recipient), "refused the recipient")
            self._expect(smtp, smtp.docmd("DATA"), "refused the letter", good=354)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise _unreached(error) from error
        return smtp

    def _begin(self, sender: str) -> tuple[smtplib.SMTP, tuple[int, bytes]]:
        """Say MAIL and return the answer; anew where a kept connection was closed meanwhile."""
        is_old = self._clock() - self._used_at > MAX_IDLE_S or self._letters >= MAX_LETTERS
        if self._smtp is not None and is_old:
            self.close()
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                answer = self._smtp.mail(sender)
                if answer[0] != _CLOSING:
                    return self._smtp, answer
            self._drop()
        smtp = self._connect()
        return smtp, smtp.mail(sender)

    def _connect(self) -> smtplib.SMTP:
        self._smtp = smtp = _open(self._server)
        self._letters = 0
        if self._server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if self._server.username:
            smtp.login(self._server.username, self._server.password)
        return smtp

    def _hand_over(self, smtp: smtplib.SMTP, content: bytes) -> str:
        """Send the text of a letter; from here on its fate may be unknown."""
        try:
            smtp.send(_dotted(content))
            answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            problem = "The connection broke before the mail server said whether it took the letter."
            raise DeliveryError(problem, sent_unknown=True) from error
        if answer[0] // 100 not in (2, 4, 5):
            self._drop()
            problem = "The mail server's answer to the letter could not be read."
            raise DeliveryError(problem, sent_unknown=True, reply=_text(answer))
        self._expect(smtp, answer, "refused the letter")
        return _text(answer)

    def _expect(
        self, smtp: smtplib.SMTP, answer: tuple[int, bytes], problem: str, good: int = 0
    ) -> None:
        """Raise `DeliveryError` for any answer but a good one, ready for the next letter."""
        code = answer[0]
        if code == good or (not good and 200 <= code < 300):
            return
        try:
            if code == _CLOSING or smtp.rset()[0] != 250:
                self._drop()
        except (OSError, smtplib.SMTPException):
            self._drop()
        raise _refusal(answer, problem)

    def _drop(self) -> None:
        if self._smtp is not None:
            with suppress(OSError):
                self._smtp.close()
        self._smtp = None


def _check(server: SmtpServer) -> None:
    if server.security not in ("tls", "starttls", "none"):
        raise SmtpServerError("The mail server's security must be tls, starttls or none.")
    if server.security == "none" and not _is_loopback(server.host):
        raise SmtpServerError(
            "The mail server's security may be none only on this very machine: letters and "
            "password would cross the network for all to read. Use tls or starttls."
        )
    if not (server.password.isascii() and server.username.isascii()):
        raise SmtpServerError(
            "The mail server's user name or password has a letter with an accent, which mail "
            "servers do not take. Choose another password (an app password is best)."
        )


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _open(server: SmtpServer) -> smtplib.SMTP:
    if server.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(
            server.host, server.port, _HELLO, timeout=server.timeout, context=context
        )
    return smtplib.SMTP(server.host, server.port, _HELLO, timeout=server.timeout)


def _refusal(answer: tuple[int, bytes], problem: str) -> DeliveryError:
    is_about_us = answer[0] in _ABOUT_US or _QUOTA in answer[1]
    is_final = 500 <= answer[0] < 600 and not is_about_us
    return DeliveryError(
        f"The mail server {problem} {'for good' if is_final else 'for now'} ({answer[0]}).",
        permanent=is_final,
        affects_all=is_about_us,
        reply=_text(answer),
    )


def _unreached(error: Exception) -> DeliveryError:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        problem = "The mail server refused our user name or password."
    elif isinstance(error, ssl.SSLError):
        problem = "The mail server's certificate or encryption is not good enough."
    elif isinstance(error, smtplib.SMTPNotSupportedError):
        problem = "The mail server does not offer what the settings ask for (STARTTLS or a login)."
    else:
        problem = f"The mail server could not be reached ({type(error).__name__})."
    return DeliveryError(problem, affects_all=True)


def _dotted(content: bytes) -> bytes:
    """Return the letter as DATA wants it: CRLF, dots doubled, a last dot (RFC 5321 4.5.2)."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n") + b"\n"
    stuffed = (b"." + lines if lines.startswith(b".") else lines).replace(b"\n.", b"\n..")
    return stuffed.replace(b"\n", b"\r\n") + b".\r\n"


def _text(answer: tuple[int, bytes]) -> str:
    return f"{answer[0]} {answer[1].decode('utf-8', 'replace')}".strip()
