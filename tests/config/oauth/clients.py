"""A client for tests, pointed at a provider of the tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.oauth import OAuthClient
from config.oauth.tokens import StoredTokens, save
from tests.services.token_endpoint import TokenEndpoint

NOW = datetime(2026, 11, 24, 23, 41, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **more: float) -> None:
        """Let time pass."""
        self.now += timedelta(**more)


def client_of(endpoint: TokenEndpoint, directory: Path, **changes: Any) -> OAuthClient:
    """Return a client that knows the secrets of `endpoint` and keeps its tokens in `directory`."""
    client = OAuthClient(
        provider="gmail",
        client_id=endpoint.client_id,
        client_secret=endpoint.client_secret,
        token_file=directory / "oauth" / "tokens.json",
        authorize_url=endpoint.authorize_url,
        device_url=endpoint.device_url,
        token_url=endpoint.token_url,
        timeout=5,
    )
    return replace(client, **changes)


def sign_in(
    endpoint: TokenEndpoint, client: OAuthClient, now: datetime = NOW, **changes: Any
) -> StoredTokens:
    """Put tokens on file as `kith login` does; the access token's hour begins at `now`."""
    tokens = StoredTokens(
        provider=client.provider,
        client_id=client.client_id,
        refresh_token=endpoint.new_refresh_token(),
        access_token="access-0-for-tests",
        access_ends=now + timedelta(hours=1),
        signed_in=now,
        refreshed=now,
        account=endpoint.account,
    )
    tokens = replace(tokens, **changes)
    assert client.token_file is not None
    save(client.token_file, tokens)
    return tokens
