"""How long a sign-in lasts is known before it ends."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.oauth import CLIENT_CREDENTIALS, TokenSource, token_status
from config.oauth.tokens import load
from tests.config.oauth.clients import NOW, Clock, client_of, sign_in
from tests.services.token_endpoint import TokenEndpoint


def test_a_fresh_sign_in_is_well(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    client = client_of(endpoint, tmp_path)
    sign_in(endpoint, client)
    status = token_status(client, NOW)
    assert (status.warning, status.needs_sign_in) == ("", False)
    assert status.access_ends == NOW + timedelta(hours=1)
    assert status.signed_in == status.refreshed == NOW
    assert status.account == endpoint.account


def test_a_google_project_in_testing_is_warned_of_from_the_first_day(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    client = client_of(endpoint, tmp_path)
    sign_in(endpoint, client, refresh_ends=NOW + timedelta(days=7))
    status = token_status(client, NOW)
    assert "ends on 2026-12-01" in status.warning
    assert "Testing" in status.warning
    assert not status.needs_sign_in
    assert token_status(client, NOW + timedelta(days=7)).needs_sign_in


@pytest.mark.parametrize(
    ("provider", "days", "warned"),
    [
        ("gmail", 149, False),
        ("gmail", 150, True),
        ("microsoft", 59, False),
        ("microsoft", 60, True),
    ],
)
def test_a_sign_in_that_nobody_uses_is_warned_of(
    endpoint: TokenEndpoint, tmp_path: Path, provider: str, days: int, warned: bool
) -> None:
    client = client_of(endpoint, tmp_path, provider=provider)
    sign_in(endpoint, client)
    status = token_status(client, NOW + timedelta(days=days))
    assert ("last used on 2026-11-24" in status.warning) is warned
    assert (f"kith login {provider}" in status.warning) is warned


@pytest.mark.parametrize(
    ("days", "words", "over"), [(31, "", False), (30, "ends on", False), (0, "ended on", True)]
)
@pytest.mark.parametrize("flow", ["refresh_token", CLIENT_CREDENTIALS])
def test_an_app_s_secret_is_warned_of_before_it_ends(
    endpoint: TokenEndpoint, tmp_path: Path, flow: str, days: int, words: str, over: bool
) -> None:
    ends = NOW + timedelta(days=days)
    client = client_of(
        endpoint, tmp_path, provider="microsoft", flow=flow, client_secret_expires=ends
    )
    sign_in(endpoint, client)
    status = token_status(client, NOW)
    assert words in status.warning
    assert bool(status.warning) is bool(words)
    assert status.needs_sign_in is over
    assert status.secret_ends == ends


def test_a_refusal_stands_until_somebody_signs_in(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    clock = Clock()
    client = client_of(endpoint, tmp_path)
    sign_in(endpoint, client)
    endpoint.revoke_all()
    clock.advance(hours=2)
    with pytest.raises(Exception, match="kith login"):
        TokenSource(client, clock=clock).access_token()
    status = token_status(client, clock())
    assert "since 2026-11-25" in status.warning
    assert status.needs_sign_in
    sign_in(endpoint, client, clock())
    assert not token_status(client, clock()).needs_sign_in


def test_a_refusal_is_forgotten_once_a_token_comes(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    clock = Clock()
    client = client_of(endpoint, tmp_path)
    sign_in(endpoint, client, refused=NOW)
    clock.advance(hours=2)
    TokenSource(client, clock=clock).access_token()
    assert client.token_file is not None
    tokens = load(client.token_file)
    assert tokens is not None
    assert tokens.refused is None


def test_no_sign_in_another_app_or_a_damaged_file_is_a_warning_not_an_error(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    client = client_of(endpoint, tmp_path)
    assert client.token_file is not None
    assert "Nobody has signed in yet" in token_status(client, NOW).warning
    sign_in(endpoint, client)
    other = replace(client, client_id="another")
    assert "another app" in token_status(other, NOW).warning
    client.token_file.write_text("{")
    status = token_status(client, NOW)
    assert "damaged" in status.warning
    assert status.needs_sign_in


def test_a_file_that_others_can_read_is_warned_of(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    client = client_of(endpoint, tmp_path)
    sign_in(endpoint, client)
    assert client.token_file is not None
    client.token_file.chmod(0o640)
    assert "chmod 600" in token_status(client, NOW).warning
