"""The one who carries letters to the mail server, over one kept connection."""

import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from replies.smtp.connection import TimedSmtp
from replies.smtp.login import (
    TokenRefusedError,
    first_words,
    is_worth_a_fresh_token,
    refused,
    sign_in_with_token,
)
from replies.smtp.server import DeliveryError, SmtpServer, check_server

MAX_IDLE_S = 60.0
MAX_LETTERS = 100
GOODBYE_S = 5.0
KEPT_FOR_THE_ANSWER = 0.25
"""The part of a letter's time kept for its text: out of time then, nobody knows whether it left."""
_CLOSING = 421
_SIGNED_OUT = (_CLOSING, 530, 535)  # a kept connection outlived its access token, for instance
_ABOUT_US = (_CLOSING, 503, 530, 534, 535, 538)  # our login or order of commands, not the letter
_QUOTA = b"5.4.5"  # Gmail, when a day's letters are used up


class Transport(Protocol):
    """What takes letters away."""

    def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """Hand one letter over and return the server's reply. Raises `DeliveryError`."""

    def close(self) -> None:
        """Say goodbye; nothing is raised."""


class SmtpTransport:
    """One kept connection, opened when the first letter comes. Not for two threads at once.

    Raises `SmtpServerError` for settings that cannot work.
    """

    def __init__(self, server: SmtpServer, *, clock: Callable[[], float] = time.monotonic) -> None:
        check_server(server)
        self._server = server
        self._clock = clock
        self._smtp: smtplib.SMTP | None = None
        self._used_at = 0.0
        self._ends_at = 0.0
        self._letters = 0

    def send(self, *, sender: str, recipient: str, content: bytes) -> str:
        """Hand one letter over and return the server's reply. Raises `DeliveryError`.

        Takes no longer than the server's `deadline`, but for the name service, which has its own.
        """
        start, deadline = self._clock(), self._server.deadline
        try:
            self._leave_worn_out()
            self._ends_at = start + deadline * (1 - KEPT_FOR_THE_ANSWER)
            smtp = self._offer(sender, recipient)
            self._ends_at = start + deadline
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
        self._ends_at = self._clock() + self._server.deadline
        try:
            self._connect()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise _unreached(error) from error
        self._used_at = self._clock()

    def close(self) -> None:
        """Say goodbye; nothing is raised."""
        if self._smtp is not None:
            self._ends_at = self._clock() + min(GOODBYE_S, self._server.deadline / 4)
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self._drop()

    def _offer(self, sender: str, recipient: str) -> smtplib.SMTP:
        """Return a connection that waits for the text of the letter; nothing has left so far."""
        try:
            smtp, answer = self._begin(sender)
            self._expect(smtp, answer, "refused the sender")
            self._expect(smtp, smtp.docmd("RCPT", f"TO:<{recipient}>"), "refused the recipient")
            self._expect(smtp, smtp.docmd("DATA"), "refused the letter", good=354)
            self._left()  # with no time left the text is not even begun
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise _unreached(error) from error
        return smtp

    def _left(self) -> float:
        """Return the seconds that the next step may take; raises `TimeoutError` when time is up."""
        left = self._ends_at - self._clock()
        if left <= 0:
            raise TimeoutError("the time for this letter is up")
        return min(left, self._server.timeout)

    def _leave_worn_out(self) -> None:
        if self._clock() - self._used_at > MAX_IDLE_S:
            self._leave_without_an_answer()
        elif self._letters >= MAX_LETTERS:
            self.close()

    def _leave_without_an_answer(self) -> None:
        # After so long there may be nobody any more to answer, and a letter waits.
        if self._smtp is not None:
            self._ends_at = self._clock() + GOODBYE_S
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.putcmd("QUIT")
        self._drop()

    def _begin(self, sender: str) -> tuple[smtplib.SMTP, tuple[int, bytes]]:
        """Say MAIL and return the answer; anew where a kept connection was closed meanwhile."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                answer = _say_mail(self._smtp, sender)
                if answer[0] != _CLOSING:
                    return self._smtp, answer
            self._drop()
        smtp = self._connect()
        return smtp, _say_mail(smtp, sender)

    def _connect(self) -> smtplib.SMTP:
        if self._server.token is None:
            smtp = self._reach()
            if self._server.username:
                smtp.login(self._server.username, self._server.password)
            return smtp
        try:
            return self._connect_with(self._server.token, anew=False)
        except TokenRefusedError as error:
            if not is_worth_a_fresh_token(error):
                raise
        self._drop()  # some servers hang up on a refusal
        return self._connect_with(self._server.token, anew=True)

    def _connect_with(self, token: Callable[[bool], str], *, anew: bool) -> smtplib.SMTP:
        words = first_words(self._server.username, token, anew=anew)  # before the server waits
        smtp = self._reach()
        sign_in_with_token(smtp, words)
        return smtp

    def _reach(self) -> smtplib.SMTP:
        """Connect, and learn what the server can do."""
        self._left()  # getting a token may have taken it all
        is_encrypted = self._server.security == "tls"
        context = ssl.create_default_context() if is_encrypted else None
        self._smtp = smtp = TimedSmtp(self._server.host, self._server.port, self._left, context)
        self._letters = 0
        if self._server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
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
            if code in _SIGNED_OUT or smtp.rset()[0] != 250:
                self._drop()
        except (OSError, smtplib.SMTPException):
            self._drop()
        raise _refusal(answer, problem)

    def _drop(self) -> None:
        if self._smtp is not None:
            with suppress(OSError):
                self._smtp.close()
        self._smtp = None


def _say_mail(smtp: smtplib.SMTP, sender: str) -> tuple[int, bytes]:
    # Not smtp.mail(): the addresses are plain (`ascii_address`), and it would parse them anew.
    return smtp.docmd("MAIL", f"FROM:<{sender}>")


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
        return refused(error)
    if isinstance(error, ssl.SSLError):
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
