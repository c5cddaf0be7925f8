"""What to say when the mailbox cannot be read: plain words, and what may help.

Told apart: no such host, no network, no TLS, a wrong sign-in, a server that is busy or asks to be
left alone, and one that broke off. What the server itself says is repeated on one clean line,
without anything that looks like an address.
"""

import socket
import ssl
from dataclasses import dataclass
from imaplib import IMAP4

from imapclient.exceptions import CapabilityError, LoginError

from intake.mailbox.server import ImapServer
from intake.mailbox.server_words import backoff_in, clean, words_of
from intake.mailbox.signing_in import TokenRefusedError

_HOST_NAME_MISMATCH = frozenset({62, 64})
_EXPIRED = 10
_PASSING = ("unavailable", "temporar", "try again", "too many", "serverbug", "[inuse]", "[limit]")
"""In the answer to a sign-in: the server is unwell or busy, our password may be right."""
_GOOGLE = ("gmail.com", "googlemail.com")


@dataclass(frozen=True, slots=True)
class Explanation:
    """A sentence or two; the rest as in `MailboxError`."""

    words: str
    needs_sign_in: bool = False
    retry_after: float | None = None


def explain_failure(error: Exception, server: ImapServer) -> str:
    """Return in plain words what happened at which host, and what to look at."""
    return explain(error, server).words


def explain(error: Exception, server: ImapServer, farewell: str = "") -> Explanation:
    """Return what happened and what may help; `farewell` is the reason of the server's BYE."""
    said = farewell or words_of(error)
    if said and (wait := backoff_in(said)) is not None:
        return Explanation(
            f"The mail server {server.where} is too busy for us and asks to be left alone for "
            f"{_in_words(wait)} (it says: {clean(said)}). Kith will try again then.",
            retry_after=wait,
        )
    if isinstance(error, TokenRefusedError | LoginError):
        return _explain_refusal(error, server, said)
    if isinstance(error, ssl.SSLError):
        return Explanation(_about_tls(error, server))
    if isinstance(error, OSError | EOFError | UnicodeError) and not farewell:
        return Explanation(_about_the_network(error, server))
    return Explanation(_about_the_answer(error, server, said, farewell))


def _explain_refusal(
    error: TokenRefusedError | LoginError, server: ImapServer, said: str
) -> Explanation:
    if any(sign in said.lower() for sign in _PASSING):
        return Explanation(
            f"The mail server {server.where} lets nobody in at present (it says: {clean(said)}). "
            "Kith will try again."
        )
    its_words = f" It says: {clean(said)}" if clean(said) else ""
    if isinstance(error, TokenRefusedError):
        reason = f" ({error.reason})" if error.reason else ""
        return Explanation(
            f"{server.where} refused the access token for the mailbox{reason}. Sign in again with "
            f"`kith login`, with the account that the mailbox belongs to.{its_words}",
            needs_sign_in=True,
        )
    return Explanation(
        f"{server.where} refused the user name or password for the mailbox. "
        f"{_about_passwords(server, said)}{its_words}",
        needs_sign_in=True,
    )


def _about_passwords(server: ImapServer, said: str) -> str:
    if server.host.lower().endswith(_GOOGLE) or "application-specific" in said.lower():
        return (
            "With Gmail, make a new app password and put it in place of the old one; changing the "
            "account's password ends all app passwords."
        )
    return (
        "Check both; many providers want an app password (Gmail), and Microsoft 365 takes none "
        "at all: there, set auth to oauth."
    )


def _about_tls(error: ssl.SSLError, server: ImapServer) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"No secure connection to {server.where}: check port and security (tls or starttls)."
    words = f"showed a certificate that cannot be trusted ({clean(error.verify_message)})."
    if error.verify_code in _HOST_NAME_MISMATCH:
        remedy = "It is for another host: check the host name."
    elif error.verify_code == _EXPIRED:
        remedy = "Its time is over, or this machine's clock is wrong."
    else:
        remedy = "Nobody whom this machine trusts vouches for it: check the host name."
    return f"The mail server {server.where} {words} {remedy} Do not go on without it."


def _about_the_network(error: Exception, server: ImapServer) -> str:
    where = server.where
    if isinstance(error, socket.gaierror | UnicodeError):
        return f"The mail server {server.host!r} was not found: check its name and the network."
    if isinstance(error, TimeoutError):
        maybe = " A server that waits for TLS does so too." if server.security != "tls" else ""
        return f"The mail server {where} did not answer in time.{maybe} Kith will try again."
    if isinstance(error, ConnectionRefusedError):
        return f"The mail server {where} refused the connection: check host and port."
    return f"The connection to {where} failed ({type(error).__name__}). Kith will try again."


def _about_the_answer(error: Exception, server: ImapServer, said: str, farewell: str) -> str:
    where = server.where
    if farewell:
        return f"The mail server {where} ended the connection (it says: {clean(farewell)})."
    if isinstance(error, CapabilityError) and server.security == "starttls":
        return f"The mail server {where} offers no STARTTLS: set security to tls and port to 993."
    if isinstance(error, IMAP4.abort):
        return f"The connection to {where} was dropped in the middle. Kith will try again."
    if clean(said):
        return f"The mail server {where} did not do as asked (it says: {clean(said)})."
    return f"The mail server {where} broke off or did not understand ({type(error).__name__})."


def _in_words(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes > 1 else "a minute"
