"""A person allows it in a browser or on another device; nobody else can take their place."""

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.oauth import OAuthClient, OAuthClientError, TokenServerUnreachableError
from config.oauth.answers import Grant
from config.oauth.device import DeviceCode, ask_for_code, wait_until_allowed
from config.oauth.redirect import DONE, NOT_DONE, PortError, Redirect, waiting_for
from config.oauth.signing_in import (
    SignInFailedError,
    account_in,
    answer_in,
    begin,
    exchange,
    is_for,
    page_for,
)
from tests.config.oauth.clients import client_of
from tests.services.token_endpoint import ACCOUNT, TokenEndpoint, Trouble


@pytest.fixture
def client(endpoint: TokenEndpoint, tmp_path: Path) -> OAuthClient:
    return client_of(endpoint, tmp_path)


@pytest.fixture
def redirect(client: OAuthClient) -> Iterator[Redirect]:
    with waiting_for(client) as waiting:
        yield waiting


def visit(url: str) -> tuple[int, str]:
    """Open a page as a browser does, following where it is sent."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


# The page


def test_the_page_asks_for_mail_with_pkce_and_state(client: OAuthClient) -> None:
    attempt = begin(client, 4321)
    query = parse_qs(urlsplit(page_for(client, attempt, account=ACCOUNT)).query)
    assert query["scope"] == ["https://mail.google.com/ openid email"]
    assert query["redirect_uri"] == ["http://127.0.0.1:4321"]
    assert query["access_type"] == ["offline"]
    assert query["login_hint"] == [ACCOUNT]
    assert query["code_challenge_method"] == ["S256"]
    assert attempt.verifier not in str(query)
    assert 43 <= len(attempt.verifier) <= 128
    assert attempt.state not in repr(attempt)


def test_microsoft_is_asked_in_its_own_way() -> None:
    client = OAuthClient("microsoft", "app", tenant="hazelrow.example.org")
    url = urlsplit(page_for(client, begin(client, 4321)))
    query = parse_qs(url.query)
    assert url.netloc == "login.microsoftonline.com"
    assert url.path == "/hazelrow.example.org/oauth2/v2.0/authorize"
    assert query["redirect_uri"] == ["http://localhost:4321"]
    scopes = query["scope"][0].split()
    assert {"offline_access", "https://outlook.office.com/SMTP.Send"} <= set(scopes)


def test_no_two_attempts_are_alike(client: OAuthClient) -> None:
    one, two = begin(client, 1), begin(client, 1)
    assert one.state != two.state
    assert one.verifier != two.verifier


# The browser comes back


def test_the_whole_way_through_the_browser(client: OAuthClient, redirect: Redirect) -> None:
    status, words = visit(page_for(client, redirect.attempt))
    assert (status, DONE in words) == (200, True)
    answer = redirect.wait(5)
    assert answer is not None
    grant = exchange(client, redirect.attempt, answer)
    assert grant.refresh_token
    assert account_in(grant) == ACCOUNT


def test_an_answer_with_another_state_is_not_taken_and_ends_nothing(
    client: OAuthClient, redirect: Redirect
) -> None:
    here = redirect.attempt.redirect_uri
    for query in ("", "code=1", "code=1&state=wrong", "state=%ff&code=1", "code=1&state="):
        assert visit(f"{here}/?{query}")[0] == 404
    assert visit(f"{here}/favicon.ico")[0] == 404
    assert redirect.wait(0) is None
    visit(page_for(client, redirect.attempt))
    assert redirect.wait(5) is not None


def test_a_refusal_on_the_page_is_told(client: OAuthClient, redirect: Redirect) -> None:
    url = f"{redirect.attempt.redirect_uri}/?error=access_denied&state={redirect.attempt.state}"
    status, words = visit(url)
    assert (status, NOT_DONE in words) == (200, True)
    answer = redirect.wait(5)
    assert answer is not None
    with pytest.raises(SignInFailedError, match="not allowed"):
        exchange(client, redirect.attempt, answer)


@pytest.mark.parametrize("error", ["admin_policy_enforced", "server_error", "<script>", ""])
def test_every_refusal_has_a_sentence_without_the_server_s_own_words(
    client: OAuthClient, error: str
) -> None:
    attempt = begin(client, 1)
    with pytest.raises(SignInFailedError) as caught:
        exchange(client, attempt, {"state": attempt.state, "error": error})
    assert "<" not in str(caught.value)


def test_a_browser_that_connects_and_says_nothing_blocks_nobody(
    client: OAuthClient, redirect: Redirect
) -> None:
    port = urlsplit(redirect.attempt.redirect_uri).port
    silent = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    silent.connect()
    visit(page_for(client, redirect.attempt))
    assert redirect.wait(5) is not None
    silent.close()


def test_the_page_is_closed_when_it_is_over(client: OAuthClient) -> None:
    with waiting_for(client) as redirect:
        pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(redirect.attempt.redirect_uri, timeout=5)


def test_the_answer_s_page_tells_nobody_where_it_was(redirect: Redirect) -> None:
    port = urlsplit(redirect.attempt.redirect_uri).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    connection.close()


def test_a_port_in_use_is_told(client: OAuthClient, redirect: Redirect) -> None:
    port = urlsplit(redirect.attempt.redirect_uri).port
    assert port is not None
    with pytest.raises(PortError, match=str(port)), waiting_for(client, port):
        pass


def test_a_code_is_good_for_this_attempt_only(client: OAuthClient, redirect: Redirect) -> None:
    visit(page_for(client, redirect.attempt))
    answer = redirect.wait(5)
    assert answer is not None
    stranger = replace(redirect.attempt, verifier="a" * 64)
    with pytest.raises(Exception, match="invalid_grant"):
        exchange(client, stranger, answer)
    with pytest.raises(SignInFailedError, match="another sign-in"):
        exchange(client, begin(client, 1), answer)


def test_a_sign_in_that_would_last_an_hour_only_is_refused(
    client: OAuthClient, redirect: Redirect, endpoint: TokenEndpoint
) -> None:
    endpoint.gives_refresh_tokens = False
    visit(page_for(client, redirect.attempt))
    answer = redirect.wait(5)
    assert answer is not None
    with pytest.raises(SignInFailedError, match="an hour"):
        exchange(client, redirect.attempt, answer)


@given(st.text(max_size=300))
def test_no_pasted_text_whatever_is_taken_or_raises(text: str) -> None:
    attempt = begin(OAuthClient("gmail", "app"), 1)
    assert not is_for(attempt, answer_in(text))
    assert not is_for(attempt, answer_in(f"http://127.0.0.1:1/?{text}"))


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: f"a.{raw.hex()}.b"))
def test_no_identity_token_whatever_raises(token: str) -> None:
    assert account_in(Grant("access", 3600, id_token=token)) == ""


# The other device


def allowed(client: OAuthClient, code: DeviceCode, waits: list[float], clock: list[float]) -> Grant:
    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    return wait_until_allowed(client, code, sleep=sleep, clock=lambda: clock[0])


def test_the_whole_way_by_another_device(client: OAuthClient, endpoint: TokenEndpoint) -> None:
    endpoint.device_interval = 5
    endpoint.device_answers = ["authorization_pending", "slow_down", "authorization_pending", ""]
    code = ask_for_code(client)
    assert (code.user_code, code.page) == ("WDJB-MJHT", endpoint.device_url)
    assert code.device_code not in repr(code)
    waits: list[float] = []
    grant = allowed(client, code, waits, [0.0])
    assert waits == [5, 5, 10, 10]
    assert grant.refresh_token in endpoint.refresh_tokens


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("access_denied", "refused on the page"),
        ("authorization_declined", "refused on the page"),
        ("expired_token", "run out"),
    ],
)
def test_what_ends_the_waiting_is_told(
    client: OAuthClient, endpoint: TokenEndpoint, error: str, words: str
) -> None:
    endpoint.device_answers = ["authorization_pending", error]
    with pytest.raises(SignInFailedError, match=words):
        allowed(client, ask_for_code(client), [], [0.0])


def test_a_code_that_nobody_types_in_runs_out(client: OAuthClient, endpoint: TokenEndpoint) -> None:
    endpoint.device_answers = ["authorization_pending"] * 1000
    code = replace(ask_for_code(client), lifetime=100, interval=5)
    waits: list[float] = []
    with pytest.raises(SignInFailedError, match="run out"):
        allowed(client, code, waits, [0.0])
    assert sum(waits) < 100


def test_a_server_in_trouble_is_asked_more_slowly_but_again(
    client: OAuthClient, endpoint: TokenEndpoint
) -> None:
    code = replace(ask_for_code(client), interval=5)
    endpoint.trouble = Trouble.HANG_UP
    waits: list[float] = []

    def recover(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            endpoint.trouble = Trouble.NONE

    wait_until_allowed(client, code, sleep=recover, clock=lambda: 0.0)
    assert waits == [5, 10, 20]


def test_google_s_refusal_to_lend_mail_by_device_is_explained(
    client: OAuthClient, endpoint: TokenEndpoint
) -> None:
    endpoint.refusal = "invalid_scope"
    with pytest.raises(OAuthClientError, match="--device"):
        ask_for_code(client)


@pytest.mark.parametrize("interval", [0, -1, "soon", None, float("nan"), 1e9, True])
def test_an_odd_interval_makes_no_hurry_and_no_standstill(
    client: OAuthClient, endpoint: TokenEndpoint, interval: object
) -> None:
    endpoint.device_interval = interval
    assert 1 <= ask_for_code(client).interval <= 60


def test_a_code_that_would_command_the_terminal_is_not_shown(
    client: OAuthClient, endpoint: TokenEndpoint
) -> None:
    endpoint.url += "/\x1b[2J"
    with pytest.raises(TokenServerUnreachableError):
        ask_for_code(client)


def test_two_browsers_at_once_are_both_answered(client: OAuthClient, redirect: Redirect) -> None:
    found: list[int] = []
    page = page_for(client, redirect.attempt)
    threads = [threading.Thread(target=lambda: found.append(visit(page)[0])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200, 200]
