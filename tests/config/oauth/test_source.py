"""An access token is always at hand; what fails is told apart by what helps."""

import json
import logging
import multiprocessing
import ssl
import stat
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.oauth import (
    CLIENT_CREDENTIALS,
    OAuthClientError,
    OAuthError,
    SignInAgainError,
    TokenFileError,
    TokenServerUnreachableError,
    TokenSource,
)
from config.oauth.tokens import StoredTokens, load, only_one, save
from config.oauth.web import left_of
from tests.config.oauth.clients import NOW, Clock, client_of, sign_in
from tests.services.certificates import make_certificate
from tests.services.token_endpoint import TokenEndpoint, Trouble, token_endpoint


def on_file(source: TokenSource) -> StoredTokens:
    file = source._client.token_file
    assert file is not None
    tokens = load(file)
    assert tokens is not None
    return tokens


def signed_in(
    endpoint: TokenEndpoint, directory: Path, clock: Clock, **changes: object
) -> TokenSource:
    client = client_of(endpoint, directory, **changes)
    sign_in(endpoint, client, clock())
    return TokenSource(client, clock=clock)


def test_a_good_token_is_given_again_without_asking(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    source = signed_in(endpoint, tmp_path, Clock())
    assert source.access_token() == source.access_token() == "access-0-for-tests"
    assert endpoint.asked == []


def test_a_token_is_renewed_five_minutes_before_its_end(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    clock.advance(minutes=54, seconds=59)
    assert source.access_token() == "access-0-for-tests"
    clock.advance(seconds=1)
    assert source.access_token() == endpoint.given[-1]
    assert on_file(source).access_token == endpoint.given[-1]
    assert on_file(source).refreshed == clock()
    assert on_file(source).signed_in == NOW


def test_a_short_lived_token_is_renewed_after_half_its_life(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    endpoint.lifetime = 120
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    clock.advance(hours=2)
    first = source.access_token()
    clock.advance(seconds=59)
    assert source.access_token() == first
    clock.advance(seconds=1)
    assert source.access_token() != first


def test_a_refused_token_is_not_given_again(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    source = signed_in(endpoint, tmp_path, Clock())
    refused = source.access_token()
    assert source.access_token(True) != refused
    assert source.access_token() == endpoint.given[-1]
    assert len(endpoint.asked) == 1


def test_a_token_that_another_process_has_renewed_is_taken_over(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    clock = Clock()
    ours = signed_in(endpoint, tmp_path, clock)
    theirs = TokenSource(ours._client, clock=clock)
    assert ours.access_token() == theirs.access_token()
    renewed = theirs.access_token(True)
    assert ours.access_token(True) == renewed
    assert len(endpoint.asked) == 1


def test_a_rotated_refresh_token_is_kept_and_used_next(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    endpoint.rotates = True
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    for _ in range(3):
        clock.advance(hours=2)
        assert endpoint.is_good(source.access_token())
    assert len({form["refresh_token"] for form in endpoint.asked}) == 3
    assert {on_file(source).refresh_token} == endpoint.refresh_tokens


def test_a_refresh_token_that_is_not_rotated_stays(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    before = on_file(source).refresh_token
    clock.advance(hours=2)
    source.access_token()
    assert on_file(source).refresh_token == before


def test_many_threads_ask_once(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    endpoint.rotates, endpoint.slowness = True, 0.1
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    clock.advance(hours=2)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(source.access_token())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == endpoint.given * 8
    assert len(endpoint.asked) == 1


def renew_in_a_process(source: TokenSource, results: "multiprocessing.SimpleQueue[str]") -> None:
    results.put(source.access_token())


def test_many_processes_share_one_file_and_ask_once(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    endpoint.rotates, endpoint.slowness = True, 0.2
    clock = Clock()
    client = client_of(endpoint, tmp_path)
    sign_in(endpoint, client, clock())
    clock.advance(hours=2)
    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()
    processes = [
        fork.Process(target=renew_in_a_process, args=(TokenSource(client, clock=clock), results))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join(timeout=10)
    assert found == endpoint.given * 4
    assert len(endpoint.asked) == 1


def test_whoever_cannot_get_the_lock_gives_up_in_time(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock, timeout=0.2)
    clock.advance(hours=2)
    file = source._client.token_file
    assert file is not None
    with only_one(file, left_of(5)), pytest.raises(TokenServerUnreachableError, match="waiting"):
        source.access_token()
    assert endpoint.is_good(source.access_token())


def test_a_process_forked_meanwhile_does_not_keep_the_lock(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    file = tmp_path / "tokens.json"
    over = multiprocessing.get_context("fork").Event()
    child = multiprocessing.get_context("fork").Process(target=over.wait, args=(10,))
    with only_one(file, left_of(1)):
        child.start()
    with only_one(file, left_of(0.5)):
        over.set()
    child.join(timeout=10)


# What fails


@pytest.mark.parametrize(
    "trouble", [each for each in Trouble if each is not Trouble.NONE], ids=lambda each: each.value
)
def test_a_server_in_trouble_is_worth_another_try(
    endpoint: TokenEndpoint, tmp_path: Path, trouble: Trouble
) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock, timeout=0.4)
    clock.advance(hours=2)
    endpoint.trouble = trouble
    with pytest.raises(TokenServerUnreachableError) as caught:
        source.access_token()
    assert not caught.value.needs_sign_in
    assert "Nobody need sign in again" in str(caught.value)
    endpoint.trouble = Trouble.NONE
    assert endpoint.is_good(source.access_token())


@pytest.mark.parametrize(("trouble", "seconds"), [("503", 120.0), ("429", 30.0)])
def test_a_server_that_asks_us_to_wait_is_heard(
    endpoint: TokenEndpoint, tmp_path: Path, trouble: str, seconds: float
) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    clock.advance(hours=2)
    endpoint.trouble = Trouble(trouble)
    with pytest.raises(TokenServerUnreachableError) as caught:
        source.access_token()
    assert caught.value.retry_after == seconds


def test_a_slow_server_is_given_up_in_time(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock, timeout=0.2)
    clock.advance(hours=2)
    endpoint.slowness = 1.0
    with pytest.raises(TokenServerUnreachableError, match="in time"):
        source.access_token()


def test_while_the_old_token_lasts_a_server_that_is_down_stops_nothing(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    token = source.access_token()
    endpoint.trouble = Trouble.UNAVAILABLE
    clock.advance(minutes=57)
    assert source.access_token() == token
    clock.advance(minutes=4)
    with pytest.raises(TokenServerUnreachableError):
        source.access_token()


def test_a_token_server_is_spoken_to_over_tls_that_somebody_vouches_for(
    endpoint: TokenEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with token_endpoint(tls=context) as secure:
        clock = Clock()
        source = signed_in(secure, tmp_path, clock)
        clock.advance(hours=2)
        with pytest.raises(TokenServerUnreachableError, match="certificate") as caught:
            source.access_token()
        assert not caught.value.needs_sign_in
        assert secure.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
        assert secure.is_good(source.access_token())


def test_no_network_is_told_apart_from_sign_in_again(tmp_path: Path) -> None:
    with token_endpoint() as gone:
        client = client_of(gone, tmp_path)
        sign_in(gone, client)
    clock = Clock()
    clock.advance(hours=2)
    with pytest.raises(TokenServerUnreachableError, match="could not be reached"):
        TokenSource(client, clock=clock).access_token()
    nowhere = replace(client, token_url="https://token.invalid/token")
    with pytest.raises(TokenServerUnreachableError, match="not found"):
        TokenSource(nowhere, clock=clock).access_token()


def test_a_withdrawn_permission_asks_for_a_sign_in_by_its_command(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    """glpi oauthimap #8, mailpile #1893, osTicket #5390: tokens ended, the intake just stopped."""
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    endpoint.revoke_all()
    clock.advance(hours=2)
    with pytest.raises(SignInAgainError, match="kith login gmail") as caught:
        source.access_token()
    assert caught.value.needs_sign_in
    assert "invalid_grant" in str(caught.value)
    assert on_file(source).refused == clock()
    sign_in(endpoint, source._client, clock())
    assert source.access_token() == "access-0-for-tests"


@pytest.mark.parametrize(("days", "hinted"), [(1, False), (7, True), (30, False)])
def test_a_sign_in_that_google_ends_after_seven_days_is_explained(
    endpoint: TokenEndpoint, tmp_path: Path, days: int, hinted: bool
) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    endpoint.revoke_all()
    clock.advance(days=days, minutes=1)
    with pytest.raises(SignInAgainError) as caught:
        source.access_token()
    assert ("Testing" in str(caught.value)) is hinted


@pytest.mark.parametrize(
    ("refusal", "description", "told"),
    [
        ("invalid_client", "", "client_id and client_secret"),
        ("unauthorized_client", "AADSTS700016: not found", "AADSTS700016"),
        ("invalid_client", "AADSTS7000222: keys are expired", "secret has expired"),
        ("invalid_scope", "", "permissions"),
        ("unsupported_grant_type", "", "flow"),
        ("", "", "flow"),
    ],
)
def test_wrong_settings_are_named(
    endpoint: TokenEndpoint, tmp_path: Path, refusal: str, description: str, told: str
) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    clock.advance(hours=2)
    endpoint.refusal, endpoint.description = refusal or "<b>what?</b>", description
    with pytest.raises(OAuthClientError) as caught:
        source.access_token()
    assert told in str(caught.value)
    assert "<b>" not in str(caught.value)
    assert caught.value.needs_sign_in


def test_a_wrong_secret_is_a_wrong_setting(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock, client_secret="not-it")
    clock.advance(hours=2)
    with pytest.raises(OAuthClientError, match="invalid_client"):
        source.access_token()


def test_nothing_secret_is_told_by_errors_logs_or_reprs(
    endpoint: TokenEndpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    client = client_of(endpoint, tmp_path)
    tokens = sign_in(endpoint, client, clock())
    source = TokenSource(client, clock=clock)
    told = [repr(client), repr(tokens), repr(source.access_token) + repr(source._held)]
    clock.advance(hours=2)
    for trouble in (Trouble.UNAVAILABLE, Trouble.CUT, Trouble.NONE):
        endpoint.trouble = trouble
        endpoint.refusal = "" if trouble is not Trouble.NONE else "invalid_grant"
        endpoint.description = endpoint.account
        with pytest.raises(OAuthError) as caught:
            source.access_token()
        told += [str(caught.value), repr(caught.value), str(caught.value.__cause__)]
    told.append(caplog.text)
    secrets = [endpoint.client_secret, tokens.refresh_token, tokens.access_token, endpoint.account]
    assert [secret for secret in secrets if secret in "\n".join(told)] == []


def test_nobody_signed_in_yet_is_told(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    source = TokenSource(client_of(endpoint, tmp_path, provider="microsoft"), clock=Clock())
    with pytest.raises(SignInAgainError, match=r"Nobody has signed in yet.*kith login microsoft"):
        source.access_token()


def test_tokens_of_another_app_are_not_used(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    client = client_of(endpoint, tmp_path)
    sign_in(endpoint, client)
    with pytest.raises(SignInAgainError, match="another app"):
        TokenSource(replace(client, client_id="new-app"), clock=Clock()).access_token()


# The app alone


def app(endpoint: TokenEndpoint, directory: Path) -> TokenSource:
    client = client_of(
        endpoint,
        directory,
        provider="microsoft",
        tenant="hazelrow.example.org",
        flow=CLIENT_CREDENTIALS,
    )
    return TokenSource(client, clock=Clock())


def test_an_app_signs_in_by_itself_and_keeps_nothing_on_file(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    source = app(endpoint, tmp_path)
    assert source.access_token() == source.access_token()
    assert endpoint.is_good(source.access_token(True))
    assert [form["scope"] for form in endpoint.asked] == [
        "https://outlook.office365.com/.default"
    ] * 2
    assert list(tmp_path.iterdir()) == []


def test_an_app_that_is_refused_is_not_told_to_sign_in_as_a_person(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    endpoint.refusal = "invalid_grant"
    with pytest.raises(OAuthClientError):
        app(endpoint, tmp_path).access_token()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"provider": ""}, "provider"),
        ({"client_id": ""}, "client_id"),
        ({"tenant": "a/../b"}, "tenant"),
        ({"flow": CLIENT_CREDENTIALS}, "flow"),
        ({"flow": CLIENT_CREDENTIALS, "provider": "microsoft"}, "tenant"),
        (
            {
                "flow": CLIENT_CREDENTIALS,
                "provider": "microsoft",
                "tenant": "t.example.org",
                "client_secret": "",
            },
            "client_secret_file",
        ),
        ({"token_url": "http://login.example.org/token"}, "token_url"),
        ({"token_url": "ftp://localhost/"}, "token_url"),
        ({"token_url": "https://[::1"}, "token_url"),
        ({"authorize_url": "javascript:alert()"}, "authorize_url"),
        ({"token_file": None}, "file"),
    ],
)
def test_settings_that_cannot_work_are_named_at_once(
    endpoint: TokenEndpoint, tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    with pytest.raises(OAuthClientError, match=named):
        TokenSource(client_of(endpoint, tmp_path, **changes))


# Answers


@pytest.mark.parametrize("lifetime", [None, "3600", 3600, "soon", True, 1e308, -5, float("inf")])
def test_an_odd_lifetime_does_not_stop_the_mail(
    endpoint: TokenEndpoint, tmp_path: Path, lifetime: float | str | None
) -> None:
    endpoint.lifetime = lifetime
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    clock.advance(hours=2)
    assert endpoint.is_good(source.access_token())


# The file


def test_the_file_and_its_directory_are_private(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    clock = Clock()
    source = signed_in(endpoint, tmp_path / "made" / "too", clock)
    clock.advance(hours=2)
    source.access_token()
    file = source._client.token_file
    assert file is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for directory in (file.parent, file.parent.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    names = {each.name for each in file.parent.iterdir()}
    assert names == {file.name, f"{file.name}.lock"}


def test_a_directory_that_is_there_is_left_as_it_is(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    signed_in(endpoint, tmp_path, Clock())
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_tokens_that_cannot_be_written_live_on_in_memory(
    endpoint: TokenEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.rotates = True
    clock = Clock()
    source = signed_in(endpoint, tmp_path, clock)
    clock.advance(hours=2)
    with monkeypatch.context() as full:
        full.setattr("os.fsync", no_space)
        assert endpoint.is_good(source.access_token())
        clock.advance(hours=2)
        assert endpoint.is_good(source.access_token())
    clock.advance(hours=2)
    assert endpoint.is_good(source.access_token())
    assert {on_file(source).refresh_token} == endpoint.refresh_tokens
    assert len(list((tmp_path / "oauth").iterdir())) == 2


def no_space(_handle: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"provider": 1}', "[" * 60_000])
def test_a_damaged_file_is_told(tmp_path: Path, endpoint: TokenEndpoint, text: str) -> None:
    source = signed_in(endpoint, tmp_path, Clock())
    (tmp_path / "oauth" / "tokens.json").write_text(text)
    with pytest.raises(TokenFileError, match=r"damaged.*kith login"):
        source.access_token()


def test_a_line_break_smuggled_into_the_file_is_damage(
    tmp_path: Path, endpoint: TokenEndpoint
) -> None:
    source = signed_in(endpoint, tmp_path, Clock())
    file = tmp_path / "oauth" / "tokens.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {"access_token": "a\x01b"}))
    with pytest.raises(TokenFileError, match="damaged"):
        source.access_token()


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path, endpoint: TokenEndpoint) -> None:
    client = client_of(endpoint, tmp_path)
    assert client.token_file is not None
    client.token_file.mkdir(parents=True)
    with pytest.raises(TokenFileError, match="cannot be read"):
        TokenSource(client, clock=Clock()).access_token()
    blocked = replace(client, token_file=Path("/dev/null/tokens.json"))
    with pytest.raises(TokenFileError, match="user that Kith runs as"):
        TokenSource(blocked, clock=Clock()).access_token()


def test_what_is_saved_is_what_is_loaded(tmp_path: Path, endpoint: TokenEndpoint) -> None:
    client = client_of(endpoint, tmp_path)
    tokens = sign_in(endpoint, client, refresh_ends=NOW + timedelta(days=7), refused=NOW)
    assert client.token_file is not None
    assert load(client.token_file) == tokens
    save(client.token_file, replace(tokens, account="ŵ@example.org"))
    assert load(client.token_file) == replace(tokens, account="ŵ@example.org")
