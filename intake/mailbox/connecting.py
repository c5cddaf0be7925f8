"""Connecting and signing in, and letting go again."""

import logging
import socket
import ssl
from contextlib import suppress
from imaplib import IMAP4
from typing import Any

import imapclient
from imapclient.exceptions import ProtocolError

from config.errors import KithError
from intake.mailbox.door import MailboxError
from intake.mailbox.explaining import explain
from intake.mailbox.server import ImapServer
from intake.mailbox.server_words import farewell_of
from intake.mailbox.signing_in import TokenRefusedError, check_password, sign_in

log = logging.getLogger(__name__)

_WHO_WE_ARE = {"name": "Kith"}


def connect(server: ImapServer) -> Any:
    """Return a signed-in client; TLS is verified, and every wait has an end.

    A refused access token is tried once more with a fresh one. Raises `MailboxError`.
    """
    check_password(server)
    with suppress(_StaleTokenError):
        return _signed_in(server, fresh=False)
    return _signed_in(server, fresh=True)


class _StaleTokenError(MailboxError):
    """The access token was refused; a fresh one may do."""


def _signed_in(server: ImapServer, *, fresh: bool) -> Any:
    client: Any = None
    try:
        client = _client(server)
        if server.security == "starttls":
            client.starttls(ssl.create_default_context())
        sign_in(client, server, fresh=fresh)
        _introduce(client)
    except BaseException as error:
        farewell = farewell_of(client)
        cut(client)
        if isinstance(error, MailboxError) or not isinstance(error, Exception):
            raise
        raise _failure(error, server, farewell) from error
    return client


def _client(server: ImapServer) -> Any:
    is_tls = server.security == "tls"
    client = imapclient.IMAPClient(
        server.host,
        server.port,
        ssl=is_tls,
        ssl_context=ssl.create_default_context() if is_tls else None,
        timeout=imapclient.SocketTimeout(server.connect_timeout, server.read_timeout),
    )
    client._imap.debug = 0  # imapclient formats every line for a log nobody reads: 6 times slower
    client.normalise_times = False
    sock = client.socket()
    # The library sends one command in pieces; without this each waits for the server's nod (40 ms).
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return client


def _introduce(client: Any) -> None:
    """Say our name where the server likes to know (RFC 2971); it need not like the name."""
    if client.has_capability("ID"):
        try:
            client.id_(_WHO_WE_ARE)
        except (IMAP4.abort, OSError, EOFError):
            raise
        except Exception as error:
            log.info("mailbox=id-not-understood error=%s", type(error).__name__)


def _failure(error: Exception, server: ImapServer, farewell: str) -> MailboxError:
    if isinstance(error, KithError):
        return MailboxError(str(error), needs_sign_in=True)
    told = explain(error, server, farewell)
    is_old_token = isinstance(error, TokenRefusedError) and told.needs_sign_in
    kind = _StaleTokenError if is_old_token else MailboxError
    return kind(told.words, needs_sign_in=told.needs_sign_in, retry_after=told.retry_after)


def cut(client: Any) -> None:
    """Close the socket; it may be closed or broken already, which is as good."""
    with suppress(Exception):
        client.shutdown()


def is_an_answer(error: Exception) -> bool:
    """Tell an answer that the server gave (NO, BAD) from a connection that failed or made no sense.

    Only an answer says something of what was asked for.
    """
    return isinstance(error, IMAP4.error) and not isinstance(error, IMAP4.abort | ProtocolError)
