"""`kith login`: a person allows it once, in a browser here, a browser elsewhere, or by a code."""

import os
import pty
import re
import stat
import subprocess
import sys
import threading
import urllib.request
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from casework import login as login_room
from casework.login import login, open_page, wait_for_answer
from casework.oauth_client import oauth_client, token_file, token_source
from config.oauth import OAuthClient, SignInAgainError, TokenServerUnreachableError
from config.oauth.redirect import waiting_for
from config.oauth.signing_in import SignInFailedError
from config.oauth.tokens import load
from config.settings import Settings, load_settings
from tests.services.token_endpoint import ACCOUNT, TokenEndpoint, Trouble, token_endpoint

PROJECT = Path(__file__).parents[2]
PROGRAM = "from casework.login import login; login()"
PAGE = re.compile(r"http://\S+/authorize\?\S+")


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with token_endpoint() as running:
        yield running


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: TokenEndpoint) -> Path:
    """Work in a directory of the test's own, with settings for the provider of the tests."""
    monkeypatch.chdir(tmp_path)
    for name, value in variables(endpoint).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def variables(endpoint: TokenEndpoint, provider: str = "gmail") -> dict[str, str]:
    return {
        "KITH_OAUTH__PROVIDER": provider,
        "KITH_OAUTH__CLIENT_ID": endpoint.client_id,
        "KITH_OAUTH__CLIENT_SECRET": endpoint.client_secret,
        "KITH_OAUTH__AUTHORIZE_URL": endpoint.authorize_url,
        "KITH_OAUTH__DEVICE_URL": endpoint.device_url,
        "KITH_OAUTH__TOKEN_URL": endpoint.token_url,
        "KITH_MAILBOX__HOST": "imap.example.org",
        "KITH_MAILBOX__USERNAME": ACCOUNT,
    }


def settings() -> Settings:
    return load_settings(None, os.environ)


def run(*options: str) -> Result:
    return CliRunner().invoke(login, options)


def visit(page: str) -> None:
    with urllib.request.urlopen(page, timeout=5) as answer:
        answer.read()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have a browser in which everything is allowed at once; returns the pages it opened."""
    opened: list[str] = []

    def open_it(page: str) -> None:
        opened.append(page)
        threading.Thread(target=visit, args=(page,), daemon=True).start()

    monkeypatch.setattr(login_room, "open_page", open_it)
    return opened


def test_a_sign_in_by_the_browser_leaves_private_tokens(
    browser: list[str], endpoint: TokenEndpoint, here: Path
) -> None:
    result = run("gmail")
    assert result.exit_code == 0, result.output
    assert f"Signed in at Google as {ACCOUNT}." in result.output
    assert "which only you can read" in result.output
    assert 'auth = "oauth"' in result.output
    assert "Note:" not in result.output
    file = here / "data" / "oauth" / "gmail.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    tokens = load(file)
    assert tokens is not None
    assert tokens.refresh_token in endpoint.refresh_tokens
    secrets = (tokens.refresh_token, tokens.access_token, endpoint.client_secret)
    assert [secret for secret in secrets if secret in result.output] == []
    assert PAGE.findall(result.output) == browser


def test_another_account_than_that_of_the_settings_is_noted(
    browser: list[str], endpoint: TokenEndpoint
) -> None:
    endpoint.account = "sam@example.org"
    result = run("gmail")
    assert "as sam@example.org" in result.output
    assert "username in [mailbox]" in result.output
    assert "username in [smtp]" not in result.output


def test_a_sign_in_by_a_code_on_another_device(endpoint: TokenEndpoint, here: Path) -> None:
    result = run("gmail", "--device")
    assert result.exit_code == 0, result.output
    assert "WDJB-MJHT" in result.output
    assert endpoint.device_url in result.output
    assert load(here / "data" / "oauth" / "gmail.json") is not None


def test_what_fails_leaves_no_tokens(endpoint: TokenEndpoint, here: Path) -> None:
    endpoint.device_answers = ["access_denied"]
    result = run("gmail", "--device")
    assert isinstance(result.exception, SignInFailedError)
    assert not (here / "data").exists()


def test_a_token_server_that_is_down_is_not_mistaken_for_a_refusal(
    browser: list[str], endpoint: TokenEndpoint
) -> None:
    endpoint.trouble = Trouble.UNAVAILABLE
    assert isinstance(run("gmail").exception, TokenServerUnreachableError)


def test_a_second_sign_in_replaces_the_first(browser: list[str], here: Path) -> None:
    run("gmail")
    file = here / "data" / "oauth" / "gmail.json"
    first = load(file)
    run("gmail")
    second = load(file)
    assert first is not None
    assert second is not None
    assert first.refresh_token != second.refresh_token


def test_tokens_that_the_service_could_not_read_are_noted(
    browser: list[str], monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    assert "chown" not in run("gmail").output
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    assert f"chown -R --reference={here / 'data'} {here / 'data' / 'oauth'}" in run("gmail").output


def test_signing_in_elsewhere_than_the_settings_say_is_refused() -> None:
    result = run("microsoft")
    assert isinstance(result.exception, SignInFailedError)
    assert "gmail, not microsoft" in str(result.exception)


def test_without_a_provider_in_the_settings_the_command_s_counts(
    browser: list[str], monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    monkeypatch.setenv("KITH_OAUTH__PROVIDER", "")
    result = run("microsoft")
    assert result.exit_code == 0, result.output
    assert load(here / "data" / "oauth" / "microsoft.json") is not None


def test_an_app_that_signs_in_by_itself_is_only_tried(
    monkeypatch: pytest.MonkeyPatch, endpoint: TokenEndpoint, here: Path
) -> None:
    for name, value in variables(endpoint, "microsoft").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KITH_OAUTH__FLOW", "client_credentials")
    monkeypatch.setenv("KITH_OAUTH__TENANT", "hazelrow.example.org")
    result = run("microsoft")
    assert result.exit_code == 0, result.output
    assert "nobody" in result.output
    assert [form["grant_type"] for form in endpoint.asked] == ["client_credentials"]
    assert not (here / "data").exists()


# Pasting


def client() -> OAuthClient:
    return oauth_client(settings())


@pytest.fixture
def keyboard() -> Iterator[tuple[int, Any]]:
    """Give both ends of a pipe: what is written to the first is typed into the second."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as typed:
        yield writing, typed
    os.close(writing)


@pytest.mark.parametrize("before", ["", "\n", "no address\nhttp://127.0.0.1/?code=1&state=2\n"])
def test_the_address_may_be_pasted_from_a_browser_elsewhere(
    keyboard: tuple[int, Any], before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    writing, typed = keyboard
    with waiting_for(client()) as redirect:
        beginning, state = redirect.attempt.redirect_uri, redirect.attempt.state
        os.write(writing, f"{before}  {beginning}/?code=abc&state={state}  \n".encode())
        answer = wait_for_answer(redirect, typed, seconds=5)
    assert answer["code"] == "abc"
    assert beginning in capsys.readouterr().out


def test_a_wrong_paste_is_told_and_another_may_follow(
    keyboard: tuple[int, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    writing, typed = keyboard
    os.write(writing, b"http://127.0.0.1/?code=abc&state=of-another\n")
    with (
        waiting_for(client()) as redirect,
        pytest.raises(SignInFailedError, match="Nobody came back"),
    ):
        wait_for_answer(redirect, typed, seconds=0.5)
    assert "not the whole address" in capsys.readouterr().out


def test_the_browser_s_answer_ends_the_waiting_for_a_paste(keyboard: tuple[int, Any]) -> None:
    _, typed = keyboard
    with waiting_for(client()) as redirect:
        url = f"{redirect.attempt.redirect_uri}/?code=abc&state={redirect.attempt.state}"
        threading.Timer(0.1, visit, args=(url,)).start()
        assert wait_for_answer(redirect, typed, seconds=5)["code"] == "abc"


def test_a_keyboard_that_ends_leaves_the_browser_s_way_open(tmp_path: Path) -> None:
    with open(os.devnull) as nothing, waiting_for(client()) as redirect:
        url = f"{redirect.attempt.redirect_uri}/?code=abc&state={redirect.attempt.state}"
        threading.Timer(0.1, visit, args=(url,)).start()
        assert wait_for_answer(redirect, nothing, seconds=5)["code"] == "abc"


def test_the_real_program_in_a_terminal_takes_a_pasted_address(
    endpoint: TokenEndpoint, here: Path
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "gmail", "--no-browser"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    page = next(found[0] for line in process.stdout if (found := PAGE.findall(line.decode())))
    os.write(ours, f"{sent_on(page)}\n".encode())
    output = process.stdout.read().decode()
    assert process.wait(timeout=10) == 0, output
    assert f"Signed in at Google as {ACCOUNT}." in output
    assert load(here / "data" / "oauth" / "gmail.json") is not None
    os.close(ours)
    os.close(theirs)


def sent_on(page: str) -> str:
    """Return where the provider sends a browser, without going there."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(page, timeout=5)
    except urllib.error.HTTPError as error:
        return str(error.headers["Location"])
    raise AssertionError("the provider sent nobody on")


# Browsers


def test_a_browser_inside_the_terminal_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    class InTheTerminal(webbrowser.GenericBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            started.append(url)
            return True

    monkeypatch.setattr(webbrowser, "GenericBrowser", InTheTerminal)
    monkeypatch.setattr(webbrowser, "get", lambda: InTheTerminal("lynx"))
    open_page("http://127.0.0.1/")
    assert started == []


def test_no_browser_at_all_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise webbrowser.Error("none")

    monkeypatch.setattr(webbrowser, "get", none)
    open_page("http://127.0.0.1/")


# Settings


def test_no_tokens_are_wanted_where_no_server_asks_for_them() -> None:
    assert token_source(settings()) is None


def test_the_settings_make_a_source_of_tokens(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    monkeypatch.setenv("KITH_MAILBOX__AUTH", "oauth")
    source = token_source(settings())
    assert source is not None
    with pytest.raises(SignInAgainError, match="kith login gmail"):
        source.access_token()
    assert token_file(settings(), "gmail") == here / "data" / "oauth" / "gmail.json"


def test_a_source_made_before_the_sign_in_finds_it(
    browser: list[str], monkeypatch: pytest.MonkeyPatch, endpoint: TokenEndpoint
) -> None:
    monkeypatch.setenv("KITH_MAILBOX__AUTH", "oauth")
    source = token_source(settings())
    assert source is not None
    with pytest.raises(SignInAgainError):
        source.access_token()
    result = run("gmail")
    assert "Next:" not in result.output
    assert source.access_token() == endpoint.given[-1]
