"""Letters go out with an access token; a refusal is tried once more and then told truly."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.oauth import OAuthError, SignInAgainError, TokenServerUnreachableError, TokenSource
from replies.outgoing import to_mime
from replies.smtp import DeliveryError, SmtpServer, SmtpServerError, SmtpTransport
from tests.config.oauth.clients import Clock, client_of, sign_in
from tests.replies.letters import NOW, make_email
from tests.services.oauth_smtp import OAuthSmtp, oauth_smtp
from tests.services.smtp import SmtpSink
from tests.services.token_endpoint import TokenEndpoint, Trouble, token_endpoint

USER = "desk@hazelrow.example.org"
LETTER = to_mime(make_email(), NOW).as_bytes()


def send(transport: SmtpTransport) -> str:
    return transport.send(sender=USER, recipient="rowan@example.com", content=LETTER)


class Tokens:
    """Gives the tokens it was made with, one after the other when a fresh one is wanted."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.asked: list[bool] = []

    def __call__(self, fresh: bool) -> str:
        self.asked.append(fresh)
        if fresh and len(self.tokens) > 1:
            self.tokens.pop(0)
        return self.tokens[0]


@pytest.fixture
def smtp() -> Iterator[OAuthSmtp]:
    with oauth_smtp(lambda user, token: (user, token) == (USER, "good")) as running:
        yield running


@contextmanager
def transport_of(
    smtp: OAuthSmtp | SmtpSink, token: Callable[[bool], str], *, deadline: float = 5
) -> Iterator[SmtpTransport]:
    server = SmtpServer(
        smtp.host,
        smtp.port,
        security="none",
        username=USER,
        token=token,
        timeout=5,
        deadline=deadline,
    )
    transport = SmtpTransport(server)
    yield transport
    transport.close()


def test_a_letter_goes_out_with_an_access_token(smtp: OAuthSmtp) -> None:
    tokens = Tokens("good")
    with transport_of(smtp, tokens) as transport:
        send(transport)
        send(transport)
    assert len(smtp.letters) == 2
    assert (smtp.tried, tokens.asked) == (["good"], [False])


def test_a_stale_token_is_replaced_once_and_the_letter_goes_out(smtp: OAuthSmtp) -> None:
    with transport_of(smtp, Tokens("stale", "good")) as transport:
        send(transport)
    assert smtp.tried == ["stale", "good"]
    assert len(smtp.letters) == 1


@pytest.mark.parametrize("hangs_up", [True, False])
def test_the_challenge_is_answered_with_an_empty_line(smtp: OAuthSmtp, hangs_up: bool) -> None:
    smtp.hangs_up = hangs_up
    with (
        transport_of(smtp, Tokens("stale")) as transport,
        pytest.raises(DeliveryError, match=r"status 401.*sign in again \(kith login\)") as caught,
    ):
        send(transport)
    assert smtp.answered_challenge == [b"\r\n", b"\r\n"]
    assert smtp.tried == ["stale", "stale"]
    assert caught.value.affects_all
    assert caught.value.needs_sign_in
    assert not caught.value.permanent
    assert not caught.value.sent_unknown
    assert caught.value.reply == "535 5.7.8 Not accepted"
    assert "stale" not in str(caught.value)


@pytest.mark.parametrize("challenge", [None, b"", b"e30=", b"!!", b"bnVsbA=="])
def test_a_refusal_without_a_readable_reason_is_still_one(
    smtp: OAuthSmtp, challenge: bytes | None
) -> None:
    smtp.challenge = challenge
    with transport_of(smtp, Tokens("stale")) as transport:
        with pytest.raises(DeliveryError, match="refused our access token") as caught:
            transport.connect()
        assert caught.value.needs_sign_in


def test_a_server_in_trouble_is_not_asked_again_at_once(smtp: OAuthSmtp) -> None:
    smtp.refusal, smtp.challenge = "454 4.7.0 Temporary authentication failure", None
    tokens = Tokens("stale")
    with (
        transport_of(smtp, tokens) as transport,
        pytest.raises(DeliveryError, match="for now") as caught,
    ):
        send(transport)
    assert not caught.value.needs_sign_in
    assert caught.value.affects_all
    assert tokens.asked == [False]


def test_sending_switched_off_by_the_administrator_is_told_as_that(smtp: OAuthSmtp) -> None:
    smtp.refusal, smtp.challenge = "535 5.7.139 SmtpClientAuthentication is disabled", None
    tokens = Tokens("stale")
    with (
        transport_of(smtp, tokens) as transport,
        pytest.raises(DeliveryError, match="administrator") as caught,
    ):
        send(transport)
    assert caught.value.needs_sign_in
    assert tokens.asked == [False]


def test_a_server_without_xoauth2_gets_no_token(smtp: OAuthSmtp) -> None:
    smtp.mechanisms = "PLAIN LOGIN"
    with (
        transport_of(smtp, Tokens("good")) as transport,
        pytest.raises(DeliveryError, match="does not offer") as caught,
    ):
        send(transport)
    assert smtp.tried == []
    assert caught.value.affects_all


def test_a_connection_that_outlived_its_token_is_opened_anew(smtp: OAuthSmtp) -> None:
    with transport_of(smtp, Tokens("good")) as transport:
        send(transport)
        smtp.mail_answer = "530 5.7.0 Your sign-in has ended"
        with pytest.raises(DeliveryError) as caught:
            send(transport)
        assert caught.value.affects_all
        smtp.mail_answer = "250 OK"
        send(transport)
    assert smtp.connections == 2
    assert len(smtp.letters) == 2


@pytest.mark.parametrize(
    ("error", "needs_sign_in"),
    [
        (SignInAgainError("gmail", "Withdrawn."), True),
        (TokenServerUnreachableError("did not answer in time"), False),
        (OAuthError("Something else."), False),
    ],
)
def test_without_a_token_no_letter_is_tried_and_the_words_say_why(
    smtp: OAuthSmtp, error: OAuthError, needs_sign_in: bool
) -> None:
    def fail(_fresh: bool) -> str:
        raise error

    with transport_of(smtp, fail) as transport:
        for attempt in (lambda: send(transport), transport.connect):
            with pytest.raises(DeliveryError) as caught:
                attempt()
            assert str(caught.value) == str(error)
            assert caught.value.needs_sign_in is needs_sign_in
            assert caught.value.affects_all
            assert not caught.value.permanent
            assert not caught.value.sent_unknown
    assert smtp.connections == 0


@pytest.mark.parametrize("token", ["good\x01auth=Bearer other", "gööd", "good\r\nMAIL FROM:<>"])
def test_a_token_with_signs_of_the_protocol_is_not_sent(smtp: OAuthSmtp, token: str) -> None:
    with transport_of(smtp, Tokens(token)) as transport, pytest.raises(DeliveryError):
        send(transport)
    assert smtp.tried == []


def test_the_time_for_a_token_counts_as_time_for_the_letter(smtp_sink: SmtpSink) -> None:
    moment = [1000.0]

    def slow(_fresh: bool) -> str:
        moment[0] += 50
        return "good"

    server = SmtpServer(
        smtp_sink.host, smtp_sink.port, security="none", username=USER, token=slow, deadline=60
    )
    with pytest.raises(DeliveryError, match="could not be reached") as caught:
        send(SmtpTransport(server, clock=lambda: moment[0]))
    assert caught.value.affects_all
    assert not caught.value.sent_unknown
    assert len(smtp_sink._connections) == 0


def test_a_token_needs_a_user_name() -> None:
    with pytest.raises(SmtpServerError, match="username"):
        SmtpTransport(SmtpServer("smtp.example.org", 587, token=Tokens("good")))


def test_the_server_shows_no_token_in_its_repr() -> None:
    assert "Tokens" not in repr(SmtpServer("smtp.example.org", 587, token=Tokens("good")))


# The whole way, with a provider


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with token_endpoint() as running:
        yield running


def test_expiry_renewal_revocation_and_a_new_sign_in(
    endpoint: TokenEndpoint, tmp_path: Path
) -> None:
    clock = Clock()
    client = client_of(endpoint, tmp_path)
    sign_in(endpoint, client, clock())
    source = TokenSource(client, clock=clock)
    with (
        oauth_smtp(lambda user, token: user == USER and endpoint.is_good(token)) as smtp,
        transport_of(smtp, source.access_token) as transport,
    ):
        send(transport)  # the token on file is no longer accepted: a fresh one is
        transport.close()
        clock.advance(hours=2)
        endpoint.trouble = Trouble.UNAVAILABLE
        with pytest.raises(DeliveryError, match="Kith will try again") as caught:
            send(transport)
        assert not caught.value.needs_sign_in
        endpoint.trouble = Trouble.NONE
        send(transport)
        transport.close()
        endpoint.revoke_all()
        clock.advance(hours=2)
        with pytest.raises(DeliveryError, match="kith login gmail") as caught:
            send(transport)
        assert caught.value.needs_sign_in
        sign_in(endpoint, client, clock())
        send(transport)
        assert len(smtp.letters) == 3
