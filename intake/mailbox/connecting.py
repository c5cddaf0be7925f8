"""Where the mailbox is, how to sign in there, and what to say when that fails."""

import imaplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import imapclient

from intake.mailbox.door import MailboxError


@dataclass(frozen=True, slots=True)
class ImapServer:
    """Where and how to read; seconds for the time limits, bytes for the sizes (0: no limit)."""

    host: str
    port: int
    security: str
    username: str
    password: str
    folder: str = "INBOX"
    connect_timeout: float = 15
    read_timeout: float = 60
    message_bytes: int = 50_000_000
    batch_messages: int = 50
    batch_bytes: int = 8_000_000


def connect(server: ImapServer) -> Any:
    """Return a logged-in client; TLS is verified, and every wait has an end.

    Raises `MailboxError` for a refused sign-in; the library's and the socket's errors otherwise.
    """
    if not (server.username.isascii() and server.password.isascii()):
        raise MailboxError(
            "The mailbox's user name or password has letters outside A to Z and common signs, "
            "which IMAP sign-in cannot carry. Choose a password without accents."
        )
    context = ssl.create_default_context()
    client = imapclient.IMAPClient(
        server.host,
        server.port,
        ssl=server.security == "tls",
        ssl_context=context if server.security == "tls" else None,
        timeout=imapclient.SocketTimeout(server.connect_timeout, server.read_timeout),
    )
    client._imap.debug = 0  # imapclient formats every line for a log nobody reads: 6 times slower
    client.normalise_times = False
    try:
        if server.security == "starttls":
            client.starttls(context)
        client.login(server.username, server.password)
    except BaseException:
        cut(client)
        raise
    return client


def cut(client: Any) -> None:
    """Close the socket; it may be closed or broken already, which is as good."""
    with suppress(Exception):
        client.shutdown()


def is_of_the_connection(error: Exception) -> bool:
    """Tell a connection that failed, which says nothing of any mail, from an answer that did.

    imaplib reports a broken pipe as its own error; the socket's is behind it. A connection that
    the server closed in the middle of an answer is not counted here: some do so over one mail.
    """
    if isinstance(error, imaplib.IMAP4.abort):
        return isinstance(error.__context__, OSError)
    return isinstance(error, OSError | EOFError)


def explain_failure(error: Exception, server: ImapServer) -> str:
    """Return a sentence in plain words: what happened at which host, and what to look at."""
    where = f"{server.host}:{server.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The mail server {where} showed a certificate that cannot be trusted "
            f"({error.verify_message}). Check the host name; do not go on without it."
        )
    if isinstance(error, ssl.SSLError):
        return f"No secure connection to {where}: check port and security (tls or starttls)."
    if isinstance(error, socket.gaierror):
        return f"The mail server {server.host!r} was not found: check its name and the network."
    if isinstance(error, TimeoutError):
        return f"The mail server {where} did not answer in time. Kith will try again."
    if isinstance(error, ConnectionRefusedError):
        return f"The mail server {where} refused the connection: check host and port."
    if isinstance(error, imapclient.exceptions.LoginError):
        return (
            f"{where} refused the user name or password for the mailbox. With Gmail, make a new "
            "app password and put it in place of the old one."
        )
    if isinstance(error, OSError | EOFError):
        return f"The connection to {where} failed ({type(error).__name__}). Kith will try again."
    return f"The mail server {where} broke off or did not understand ({type(error).__name__})."
