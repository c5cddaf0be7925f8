"""What is known of the mail server, and the ways in which it can fail us."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field

from config.errors import KithError


class SmtpServerError(KithError):
    """The settings of the mail server cannot work; the sentence says which and why."""


class DeliveryError(KithError):
    """A letter was not delivered, or nobody knows.

    `permanent`: it will never be taken. `sent_unknown`: it may have left. `affects_all`:
    the server or our account is at fault, so other letters need not be tried now. `needs_sign_in`:
    waiting will not help, a person must sign in again or change a setting. `reply`: what the server
    said; it may hold an address, so it is for the database and not for the log.
    """

    def __init__(
        self,
        problem: str,
        *,
        permanent: bool = False,
        sent_unknown: bool = False,
        affects_all: bool = False,
        needs_sign_in: bool = False,
        reply: str = "",
    ) -> None:
        super().__init__(problem)
        self.permanent = permanent
        self.sent_unknown = sent_unknown
        self.affects_all = affects_all
        self.needs_sign_in = needs_sign_in
        self.reply = reply


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where letters leave. `security`: tls (from the first byte), starttls; none on loopback only.

    No login without `username`. With `token` the login is by an access token (SASL XOAUTH2) and
    not by password: it is called with True when the last token was refused. `timeout` in seconds
    for each step, `deadline` for a whole letter.
    """

    host: str
    port: int
    security: str = "tls"
    username: str = ""
    password: str = field(default="", repr=False)
    token: Callable[[bool], str] | None = field(default=None, repr=False)
    timeout: float = 60.0
    deadline: float = 60.0


def check_server(server: SmtpServer) -> None:
    """Raise `SmtpServerError` for settings that cannot work."""
    if server.timeout <= 0 or server.deadline <= 0:
        raise SmtpServerError("The mail server must be given more than 0 seconds to answer.")
    if server.security not in ("tls", "starttls", "none"):
        raise SmtpServerError("The mail server's security must be tls, starttls or none.")
    if server.security == "none" and not _is_loopback(server.host):
        raise SmtpServerError(
            "The mail server's security may be none only on this very machine: letters and "
            "password would cross the network for all to read. Use tls or starttls."
        )
    if server.token is not None and not server.username:
        raise SmtpServerError(
            "To send with OAuth the mail server must know whose mailbox it is. Set username in "
            "[smtp], mostly the address itself."
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
