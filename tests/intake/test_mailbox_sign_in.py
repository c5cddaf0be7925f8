"""Signing in: by password and by OAuth, and whether a refusal is ours to cure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import KithError
from intake.mailbox import MailboxError
from intake.mailbox.server_words import LONGEST, clean
from tests.intake.test_mailbox_glimpses import MAIL, mailbox_at
from tests.services.scripted_faults import Bye, Drops, Fault, Hangs, Says
from tests.services.scripted_imap import ScriptedImap


class Tokens:
    """A source of tokens that remembers whether a fresh one was asked for."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.asked: list[bool] = []

    def __call__(self, fresh: bool) -> str:
        """Return the next token."""
        self.asked.append(fresh)
        return self.tokens.pop(0)


def failure_of(server: ScriptedImap, **changes: object) -> MailboxError:
    with pytest.raises(MailboxError) as caught:
        mailbox_at(server, **changes).open()
    return caught.value


def test_a_token_signs_in_as_the_user_it_is_for() -> None:
    tokens = Tokens("ya29.good")
    with ScriptedImap(tokens=["ya29.good"]) as server:
        server.add(MAIL)
        mailbox = mailbox_at(server, password="", token=tokens)
        mailbox.open()
        assert mailbox.uids_from(1) == [1]
        (exchange,) = server.exchanges
        assert "LOGIN" not in server.commands
    assert (exchange.username, exchange.secret) == (server.username, "ya29.good")
    assert tokens.asked == [False]


def test_a_refused_token_is_tried_once_more_with_a_fresh_one() -> None:
    tokens = Tokens("stale", "fresh")
    with ScriptedImap(tokens=["fresh"]) as server:
        mailbox_at(server, token=tokens).open()
        assert [exchange.secret for exchange in server.exchanges] == ["stale", "fresh"]
        assert server.exchanges[0].answer_to_error == b""  # the safe form; not the token again
    assert tokens.asked == [False, True]


def test_a_fresh_token_refused_too_needs_a_sign_in_and_says_why() -> None:
    with ScriptedImap() as server:
        error = failure_of(server, token=Tokens("stale", "stale too"))
        assert len(server.exchanges) == 2
    assert error.needs_sign_in
    assert "refused the access token" in str(error)
    assert "status 400" in str(error)
    assert "stale" not in str(error)


def test_a_token_is_asked_for_again_at_every_connection() -> None:
    tokens = Tokens("first", "second")
    with ScriptedImap(tokens=["first", "second"]) as server:
        mailbox = mailbox_at(server, token=tokens)
        mailbox.open()
        server.cut_all()
        mailbox.open()
        assert [exchange.secret for exchange in server.exchanges] == ["first", "second"]


class NoTokenError(KithError):
    """No token to be had, for a reason that the source knows."""

    def __init__(self, words: str, *, needs_sign_in: bool, retry_after: float | None) -> None:
        super().__init__(words)
        self.needs_sign_in = needs_sign_in
        self.retry_after = retry_after


@pytest.mark.parametrize(("needs_sign_in", "retry_after"), [(True, None), (False, 30.0)])
def test_what_the_source_of_tokens_says_is_passed_on(
    needs_sign_in: bool, retry_after: float | None
) -> None:
    def no_token(_fresh: bool) -> str:
        raise NoTokenError(
            "Google takes a break.", needs_sign_in=needs_sign_in, retry_after=retry_after
        )

    with ScriptedImap() as server:
        error = failure_of(server, token=no_token)
    assert str(error) == "Google takes a break."
    assert (error.needs_sign_in, error.retry_after) == (needs_sign_in, retry_after)


def test_a_token_that_would_change_what_is_said_is_not_sent() -> None:
    with ScriptedImap() as server:
        failure_of(server, token=Tokens("good\1\1user=somebody"))
        assert server.exchanges == []


CREDENTIALS_ARE_WRONG = [
    Says("NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"),
    Says("NO LOGIN failed."),
    Says("NO [ALERT] Application-specific password required: https://support.google.com/a"),
    Says("NO [EXPIRED] That password is no longer good"),
]
IT_IS_THE_SERVER = [
    Says("NO [UNAVAILABLE] Temporary authentication failure."),
    Says("NO [ALERT] Too many simultaneous connections. (Failure)"),
    Says("NO Server Unavailable. 15"),
    Bye("Server shutting down"),
    Drops(),
    Drops(after=4),
    Hangs(),
]


@pytest.mark.parametrize("command", ["LOGIN", "AUTHENTICATE"])
@pytest.mark.parametrize("fault", CREDENTIALS_ARE_WRONG, ids=repr)
def test_refused_credentials_need_a_sign_in(command: str, fault: Fault) -> None:
    token = Tokens("good", "good") if command == "AUTHENTICATE" else None
    with ScriptedImap(tokens=["good"]) as server:
        server.spoil(command, fault, times=None)
        assert failure_of(server, token=token).needs_sign_in


@pytest.mark.parametrize("command", ["LOGIN", "AUTHENTICATE"])
@pytest.mark.parametrize("fault", IT_IS_THE_SERVER, ids=repr)
def test_a_server_in_trouble_does_not_send_anybody_to_sign_in_again(
    command: str, fault: Fault
) -> None:
    tokens = Tokens("good", "good")
    token = tokens if command == "AUTHENTICATE" else None
    with ScriptedImap(tokens=["good"]) as server:
        server.spoil(command, fault, times=None)
        assert not failure_of(server, token=token, read_timeout=0.2).needs_sign_in
    assert True not in tokens.asked  # nor is a fresh token asked for


def test_a_missing_app_password_is_named() -> None:
    words = "NO [ALERT] Application-specific password required: https://support.google.com/a"
    with ScriptedImap() as server:
        server.spoil("LOGIN", Says(words))
        assert "make a new app password" in str(failure_of(server))


def test_a_name_is_told_to_servers_that_like_to_know_and_may_be_disliked() -> None:
    with ScriptedImap(capabilities=["ID"]) as server:
        server.spoil("ID", Says("NO Who?"))
        mailbox_at(server).open()
        assert [line for line in server.lines if line.startswith("ID")] == ['ID ("name" "Kith")']


@given(st.text())
def test_a_servers_words_are_one_clean_bounded_line(text: str) -> None:
    line = clean(text)
    assert len(line) <= LONGEST
    assert "@" not in line
    assert line.isprintable()
    assert line == line.strip()
