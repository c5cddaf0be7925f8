"""Whatever a server, a file or a person in the middle says, only our own errors come of it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.oauth import OAuthClient, OAuthError, TokenFileError, refusal_in, xoauth2_response
from config.oauth.answers import grant_in, is_token
from config.oauth.tokens import MOMENTS, load
from config.oauth.web import WebAnswer

CLIENT = OAuthClient("microsoft", "app")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        ["access_token", "expires_in", "refresh_token", "id_token", "error", "error_description"]
    ),
    JSON | st.sampled_from(["invalid_grant", "token", "AADSTS7000222", "AADSTS12:", 3600]),
)


@given(
    st.integers(100, 599), st.binary(max_size=60) | FIELDS.map(lambda it: json.dumps(it).encode())
)
def test_any_answer_is_tokens_or_one_of_our_errors(status: int, body: bytes) -> None:
    try:
        grant = grant_in(WebAnswer(status, body), CLIENT)
    except OAuthError:
        return
    assert is_token(grant.access_token)
    assert 0 <= grant.lifetime <= 90 * 86400


@given(st.text(max_size=40))
def test_nothing_a_server_writes_is_told_but_a_code_or_a_number(words: str) -> None:
    secret = f"rowan@example.com {words}"
    for error in (secret, "invalid_grant", "invalid_client", "other"):
        body = json.dumps({"error": error, "error_description": secret}).encode()
        with pytest.raises(OAuthError) as caught:
            grant_in(WebAnswer(400, body), CLIENT)
        assert "rowan" not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_file_is_tokens_or_a_sentence_about_damage(tmp_path: Path, data: st.DataObject) -> None:
    sound: dict[str, Any] = {
        "provider": "gmail",
        "client_id": "app",
        "refresh_token": "r",
        "access_token": "a",
        "account": "",
        **dict.fromkeys(MOMENTS, "2026-11-24T23:41:00+00:00"),
    }
    odd = data.draw(st.sampled_from(sorted(sound)))
    moments = st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", ""])
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps(sound | {odd: data.draw(JSON | moments)}))
    try:
        tokens = load(file)
    except TokenFileError:
        return
    assert tokens is not None
    assert isinstance(tokens.access_ends, datetime)
    assert isinstance(tokens.account, str)


@given(st.binary(max_size=200))
def test_any_challenge_is_answered(challenge: bytes) -> None:
    assert refusal_in(challenge).isprintable()


@given(st.text(), st.text())
def test_what_is_said_with_a_token_has_three_separators_and_no_more(user: str, token: str) -> None:
    try:
        said = xoauth2_response(user, token)
    except OAuthError:
        return
    assert said.count("\x01") == 3
    assert said == f"user={user}\x01auth=Bearer {token}\x01\x01"
    assert said.isascii()
