"""The one who always has a good access token, for as long as the provider gives any.

If the power fails while a token is renewed, the old refresh token is still on file. Providers that
give a new one with each renewal let the old one live on a while, so that this is no loss.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from config.oauth.answers import Grant, grant_in
from config.oauth.client import CLIENT_CREDENTIALS, OAuthClient, endpoints_of, provider_of
from config.oauth.errors import (
    OAuthClientError,
    SignInAgainError,
    TokenFileError,
    TokenServerUnreachableError,
)
from config.oauth.tokens import StoredTokens, load, only_one, renewed, save
from config.oauth.web import Left, left_of, post_form

EARLY = timedelta(minutes=5)
TESTING_ENDS_AFTER = (timedelta(days=6, hours=12), timedelta(days=8))
TESTING_HINT = (
    "(Google ends every sign-in to a project in Testing after seven days: publish yours first, as "
    "docs/oauth.md says.)"
)

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Held:
    """An access token, and when it is time for the next."""

    token: str = field(repr=False)
    renew_at: datetime
    ends: datetime


class TokenSource:
    """Gives access tokens; one for all threads of a process. Raises `OAuthClientError` at once for
    settings that cannot work.
    """

    def __init__(self, client: OAuthClient, *, clock: Callable[[], datetime] = utc_now) -> None:
        endpoints_of(client)
        if client.flow != CLIENT_CREDENTIALS and client.token_file is None:
            raise OAuthClientError("There is no file to keep tokens in.")
        self._client = client
        self._clock = clock
        self._held: _Held | None = None
        self._unsaved: StoredTokens | None = None
        self._one_thread = threading.Lock()

    def access_token(self, fresh: bool = False) -> str:  # noqa: FBT001, FBT002 (a server's login calls it)
        """Return a token that is good for some minutes at least.

        `fresh`: the last one was refused, though its time was not up; it is not given again. Takes
        no longer than the client's `timeout`. Raises `SignInAgainError`, `OAuthClientError` or
        `TokenFileError` (a person must act), or `TokenServerUnreachableError` (try later).
        """
        held = self._held
        if held is not None and not fresh and self._clock() < held.renew_at:
            return held.token
        refused = held.token if held is not None and fresh else ""
        left = left_of(self._client.timeout)
        with self._alone(left):
            return self._renew(refused, left).token

    @contextmanager
    def _alone(self, left: Left) -> Iterator[None]:
        if not self._one_thread.acquire(timeout=left()):
            raise TokenServerUnreachableError("has kept another part of Kith waiting")
        try:
            yield
        finally:
            self._one_thread.release()

    def _renew(self, refused: str, left: Left) -> _Held:
        held = self._held
        if held is not None and held.token != refused and self._clock() < held.renew_at:
            return held  # another thread was faster
        try:
            self._held = self._ask_anew(refused, left)
        except TokenServerUnreachableError:
            if held is None or held.token == refused or self._clock() >= held.ends:
                raise
            log.warning("oauth=not-renewed token=still-good")
            return held
        return self._held

    def _ask_anew(self, refused: str, left: Left) -> _Held:
        file = self._client.token_file
        if self._client.flow == CLIENT_CREDENTIALS or file is None:
            grant = self._ask(_as_the_app(self._client), left)
            now = self._clock()
            return _held(grant.access_token, now, now + timedelta(seconds=grant.lifetime))
        with only_one(file, left):
            tokens = self._on_file()
            if tokens.access_token != refused:
                found = _held(tokens.access_token, tokens.refreshed, tokens.access_ends)
                if self._clock() < found.renew_at:
                    return found  # another process was faster
            return self._with_refresh_token(tokens, left)

    def _on_file(self) -> StoredTokens:
        """Return what is on file, or newer tokens that could not be written there."""
        client, file = self._client, self._client.token_file
        tokens = load(file) if file is not None else None
        unsaved = self._unsaved
        if unsaved and (tokens is None or tokens.refreshed < unsaved.refreshed):
            return unsaved
        if tokens is None:
            raise SignInAgainError(client.provider, "Nobody has signed in yet, or not here.")
        if (tokens.provider, tokens.client_id) != (client.provider, client.client_id):
            raise SignInAgainError(client.provider, "The sign-in on file was for another app.")
        return tokens

    def _with_refresh_token(self, tokens: StoredTokens, left: Left) -> _Held:
        form = _with_refresh_token(self._client, tokens.refresh_token)
        try:
            grant = self._ask(form, left)
        except SignInAgainError as error:
            self._note_refusal(tokens)
            raise _explained(error, tokens, self._clock()) from None
        now = self._clock()
        tokens = renewed(tokens, grant, now)
        self._keep(tokens)
        return _held(tokens.access_token, now, tokens.access_ends)

    def _ask(self, form: dict[str, str], left: Left) -> Grant:
        url = endpoints_of(self._client).token
        return grant_in(post_form(url, form, left=left), self._client)

    def _keep(self, tokens: StoredTokens) -> None:
        """Write the tokens down. Where that fails they live on in memory, and mail goes on."""
        self._unsaved = tokens
        try:
            self._save(tokens)
        except TokenFileError:
            log.warning("oauth=token-file-not-written tokens=in-memory")

    def _save(self, tokens: StoredTokens) -> None:
        if self._client.token_file is not None:
            save(self._client.token_file, tokens)
            self._unsaved = None

    def _note_refusal(self, tokens: StoredTokens) -> None:
        if tokens.refused is None:
            with suppress(TokenFileError):  # only for the status page
                self._save(replace(tokens, refused=self._clock()))


def _held(token: str, since: datetime, ends: datetime) -> _Held:
    early = max(min(EARLY, (ends - since) / 2), timedelta(0))
    return _Held(token, renew_at=ends - early, ends=ends)


def with_app(client: OAuthClient, form: dict[str, str]) -> dict[str, str]:
    """Return `form` with what tells the provider who we are."""
    form["client_id"] = client.client_id
    if client.client_secret:
        form["client_secret"] = client.client_secret
    return form


def _as_the_app(client: OAuthClient) -> dict[str, str]:
    scope = provider_of(client).app_scopes
    return with_app(client, {"grant_type": CLIENT_CREDENTIALS, "scope": scope})


def _with_refresh_token(client: OAuthClient, refresh_token: str) -> dict[str, str]:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    if scopes := provider_of(client).refresh_scopes:
        form["scope"] = scopes
    return with_app(client, form)


def _explained(error: SignInAgainError, tokens: StoredTokens, now: datetime) -> SignInAgainError:
    """Return the error with the most likely cause, where the time since the sign-in tells it."""
    earliest, latest = TESTING_ENDS_AFTER
    if tokens.provider == "gmail" and earliest <= now - tokens.signed_in <= latest:
        return error.with_hint(TESTING_HINT)
    return error
