"""Saying who we are: by a password, or by an OAuth access token (SASL XOAUTH2)."""

from typing import Any

import imapclient
from imapclient.exceptions import LoginError

from config.errors import KithError
from config.oauth.sasl import refusal_in, xoauth2_response
from intake.mailbox.door import MailboxError
from intake.mailbox.server import ImapServer


class TokenRefusedError(Exception):
    """The server refused an access token; `reason` is why in words, or empty."""

    def __init__(self, answer: str, reason: str) -> None:
        super().__init__(answer)
        self.reason = reason


def sign_in(client: Any, server: ImapServer, *, fresh: bool = False) -> None:
    """Sign in; `fresh` asks for an access token got anew.

    Raises imapclient's `LoginError` for a password and `TokenRefusedError` for a token that the
    server refused, `MailboxError` when there is nothing to sign in with, and the library's and
    the socket's errors when the connection failed.
    """
    try:
        if server.token is None:
            client.login(server.username, server.password)
        else:
            _by_token(client, server.username, _token(server, fresh=fresh))
    except LoginError as error:
        broken = error.__context__  # the library wraps a connection that broke off, too
        if isinstance(broken, imapclient.exceptions.IMAPClientAbortError | OSError):
            raise broken from None
        raise


def check_password(server: ImapServer) -> None:
    """Raise `MailboxError` for a name or password that IMAP's LOGIN cannot carry."""
    if server.token is None and not (server.username.isascii() and server.password.isascii()):
        raise MailboxError(
            "The mailbox's user name or password has letters outside A to Z and common signs, "
            "which IMAP sign-in cannot carry. Choose a password without accents.",
            needs_sign_in=True,
        )


class _Exchange:
    """Our half of SASL XOAUTH2: the token once, then an empty answer to the error's particulars.

    The library's own `oauth2_login` would answer them with the token again and lose the reason.
    """

    def __init__(self, first: str) -> None:
        self._first: bytes | None = first.encode()
        self.challenge = b""

    def __call__(self, challenge: bytes) -> bytes:
        first, self._first = self._first, None
        if first is None:
            self.challenge = challenge
        return first or b""


def _by_token(client: Any, username: str, token: str) -> None:
    exchange = _Exchange(xoauth2_response(username, token))
    try:
        client.sasl_login("XOAUTH2", exchange)
    except LoginError as error:
        if isinstance(error.__context__, imapclient.exceptions.IMAPClientAbortError):
            raise
        raise TokenRefusedError(str(error), refusal_in(exchange.challenge)) from error


def _token(server: ImapServer, *, fresh: bool) -> str:
    assert server.token is not None
    try:
        return server.token(fresh)
    except KithError as error:
        raise MailboxError(
            str(error),
            needs_sign_in=bool(getattr(error, "needs_sign_in", False)),
            retry_after=getattr(error, "retry_after", None),
        ) from error
