import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replies.outgoing import to_mime
from replies.smtp import (
    MAX_IDLE_S,
    MAX_LETTERS,
    DeliveryError,
    SmtpServer,
    SmtpServerError,
    SmtpTransport,
)
from replies.smtp.transport import _dotted
from tests.replies.letters import NOW, make_email
from tests.services.smtp import SmtpSink, Stage

LETTER = to_mime(make_email(), NOW).as_bytes()


def server_of(sink: SmtpSink, **more: str) -> SmtpServer:
    return SmtpServer(
        sink.host,
        sink.port,
        security=more.get("security", "none"),
        username=more.get("username", ""),
        password=more.get("password", ""),
        timeout=5,
    )


def send(transport: SmtpTransport, content: bytes = LETTER, to: str = "rowan@example.com") -> str:
    return transport.send(sender="desk@hazelrow.example.org", recipient=to, content=content)


@pytest.fixture
def transport(smtp_sink: SmtpSink) -> Iterator[SmtpTransport]:
    made = SmtpTransport(server_of(smtp_sink))
    yield made
    made.close()


def test_a_letter_arrives_whole_at_its_one_recipient(
    transport: SmtpTransport, smtp_sink: SmtpSink
) -> None:
    assert send(transport).startswith("250")
    (letter,) = smtp_sink.letters
    assert letter.sender == "desk@hazelrow.example.org"
    assert letter.recipients == ("rowan@example.com",)
    assert letter.raw == LETTER


def test_lines_that_begin_with_a_dot_arrive_as_they_were(
    transport: SmtpTransport, smtp_sink: SmtpSink
) -> None:
    content = to_mime(make_email(body=".\n..\n.end\n\n.\n"), NOW).as_bytes()
    send(transport, content)
    assert smtp_sink.letters[0].raw == content


@given(st.binary(max_size=200))
def test_no_text_can_end_the_letter_early(content: bytes) -> None:
    sent = _dotted(content)
    assert sent.endswith(b"\r\n.\r\n")
    assert sent.find(b"\r\n.\r\n") == len(sent) - 5
    assert not sent.startswith(b".\r\n")
    assert b"\n" not in sent.replace(b"\r\n", b"")


def test_one_connection_serves_many_letters(transport: SmtpTransport, smtp_sink: SmtpSink) -> None:
    for number in range(5):
        send(transport, to=f"p{number}@example.com")
    assert len(smtp_sink.letters) == 5
    assert connections(smtp_sink) == 1


def connections(sink: SmtpSink) -> int:
    return len(sink._connections)


def test_after_a_hundred_letters_or_a_minute_s_rest_the_connection_is_new(
    smtp_sink: SmtpSink,
) -> None:
    moment = [1000.0]
    transport = SmtpTransport(server_of(smtp_sink), clock=lambda: moment[0])
    send(transport)
    moment[0] += MAX_IDLE_S + 1
    send(transport)
    assert connections(smtp_sink) == 2
    for _ in range(MAX_LETTERS):
        send(transport)
    assert connections(smtp_sink) == 3
    transport.close()


def test_after_a_rest_no_letter_waits_for_a_goodbye(
    smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [0.0]
    transport = SmtpTransport(server_of(smtp_sink), clock=lambda: moment[0])
    send(transport)
    before = transport._smtp
    assert before is not None
    monkeypatch.setattr(before, "getreply", lambda: pytest.fail("it waits for an answer"))
    moment[0] += MAX_IDLE_S + 1
    assert send(transport).startswith("250")
    transport.close()


def test_a_kept_connection_that_the_server_closed_is_opened_again(
    transport: SmtpTransport, smtp_sink: SmtpSink
) -> None:
    send(transport)
    smtp_sink.drop_connections()
    send(transport)
    assert len(smtp_sink.letters) == 2


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize(("reply", "permanent"), [("451 4.3.0 Later", False), ("550 No", True)])
def test_a_refusal_tells_whether_to_try_again_and_leaves_the_connection_usable(
    transport: SmtpTransport, smtp_sink: SmtpSink, stage: Stage, reply: str, permanent: bool
) -> None:
    smtp_sink.refuse_at(stage, reply)
    with pytest.raises(DeliveryError) as caught:
        send(transport)
    assert caught.value.permanent is permanent
    assert not caught.value.sent_unknown
    assert not caught.value.affects_all
    assert caught.value.reply == reply
    assert reply[:3] in str(caught.value)
    assert smtp_sink.letters == []
    smtp_sink.behave()
    send(transport)
    assert len(smtp_sink.letters) == 1
    assert connections(smtp_sink) == 1


def test_an_error_shows_no_address(transport: SmtpTransport, smtp_sink: SmtpSink) -> None:
    smtp_sink.refuse_recipient("rowan@example.com", "550 <rowan@example.com> is unknown")
    with pytest.raises(DeliveryError) as caught:
        send(transport)
    assert "rowan" not in str(caught.value)
    assert "rowan" in caught.value.reply


@pytest.mark.parametrize("reply", ["550 5.4.5 Daily user sending limit exceeded", "530 Log in"])
def test_a_refusal_that_is_about_us_does_not_condemn_the_letter(
    transport: SmtpTransport, smtp_sink: SmtpSink, reply: str
) -> None:
    smtp_sink.refuse_at(Stage.MAIL, reply)
    with pytest.raises(DeliveryError) as caught:
        send(transport)
    assert not caught.value.permanent
    assert caught.value.affects_all


def test_when_the_connection_breaks_after_the_letter_its_fate_is_unknown(
    transport: SmtpTransport, smtp_sink: SmtpSink
) -> None:
    smtp_sink.hang_up_after_data()
    with pytest.raises(DeliveryError) as caught:
        send(transport)
    assert caught.value.sent_unknown
    assert not caught.value.permanent
    smtp_sink.behave()
    send(transport)


@contextmanager
def scripted_server(answers: dict[bytes, bytes | None], final: bytes | None) -> Iterator[int]:
    """Serve one connection on loopback; None hangs up. `final` answers the whole letter."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            stream.write(b"220 hello\r\n")
            stream.flush()
            for line in stream:
                answer = answers.get(line[:4].upper().strip(), b"250 OK")
                if line == b".\r\n":
                    answer = final
                elif line[:4].lower() not in (b"ehlo", b"mail", b"rcpt", b"data", b"rset", b"quit"):
                    continue
                if answer is None:
                    return
                stream.write(answer + b"\r\n")
                stream.flush()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(timeout=5)


GOOD: dict[bytes, bytes | None] = {b"DATA": b"354 go on"}


def failing(answers: dict[bytes, bytes | None], final: bytes | None) -> DeliveryError:
    with scripted_server(GOOD | answers, final) as port:
        transport = SmtpTransport(SmtpServer("127.0.0.1", port, security="none", timeout=1))
        with pytest.raises(DeliveryError) as caught:
            send(transport)
        transport.close()
    return caught.value


@pytest.mark.parametrize("command", [b"EHLO", b"MAIL", b"RCPT", b"DATA"])
def test_when_the_connection_breaks_before_the_letter_it_has_certainly_not_left(
    command: bytes,
) -> None:
    error = failing({command: None}, b"250 OK")
    assert not error.sent_unknown
    assert not error.permanent
    assert error.affects_all


@pytest.mark.parametrize("final", [None, b"gibberish", b"354 what"])
def test_no_readable_answer_to_the_letter_leaves_its_fate_unknown(final: bytes | None) -> None:
    error = failing({}, final)
    assert error.sent_unknown
    assert not error.permanent


def test_a_timeout_after_the_letter_leaves_its_fate_unknown() -> None:
    error = failing({}, b"250-there is more to come, but never comes")
    assert error.sent_unknown


def test_a_letter_refused_after_its_text_has_not_left() -> None:
    error = failing({}, b"552 Too big")
    assert error.permanent
    assert not error.sent_unknown


def test_a_server_that_is_closing_says_nothing_about_the_letter() -> None:
    error = failing({b"MAIL": b"421 Closing"}, b"250 OK")
    assert not error.permanent
    assert error.affects_all


def test_data_that_is_not_let_through_is_not_sent() -> None:
    error = failing({b"DATA": b"250 OK"}, b"250 OK")
    assert not error.sent_unknown
    assert not error.permanent


def test_nobody_listening_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    transport = SmtpTransport(SmtpServer("127.0.0.1", port, security="none"))
    with pytest.raises(DeliveryError, match="could not be reached") as caught:
        send(transport)
    assert (caught.value.permanent, caught.value.affects_all) == (False, True)


def test_a_name_that_does_not_exist_is_worth_another_try() -> None:
    transport = SmtpTransport(SmtpServer("nowhere.invalid", 465))
    with pytest.raises(DeliveryError) as caught:
        send(transport)
    assert (caught.value.permanent, caught.value.affects_all) == (False, True)


@contextmanager
def dripping_server(begin: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve one connection on loopback; after `begin` never end an answer, never fall silent."""
    listener, over = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with tls.wrap_socket(connection, server_side=True) if tls else connection as spoken:
                spoken.sendall(begin)
                while not over.wait(0.02):
                    spoken.sendall(b"2")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    over.set()
    listener.close()
    thread.join(timeout=5)


@pytest.mark.parametrize(
    ("begin", "may_have_left"),
    [
        (b"", False),
        (b"220 hello\r\n", False),
        (b"220 hello\r\n250 OK\r\n250 OK\r\n250 OK\r\n", False),
        (b"220 hello\r\n250 OK\r\n250 OK\r\n250 OK\r\n354 go on\r\n", True),
    ],
)
def test_a_server_that_drips_cannot_hold_a_letter_beyond_its_deadline(
    begin: bytes, may_have_left: bool
) -> None:
    with dripping_server(begin) as port:  # each piece comes in time; without a deadline it hangs
        server = SmtpServer("127.0.0.1", port, security="none", timeout=30, deadline=0.4)
        with pytest.raises(DeliveryError) as caught:
            send(SmtpTransport(server))
    assert caught.value.sent_unknown is may_have_left
    assert caught.value.affects_all is not may_have_left


def test_a_server_that_does_not_finish_the_handshake_is_given_up() -> None:
    with dripping_server(b"") as port:
        transport = SmtpTransport(SmtpServer("127.0.0.1", port, timeout=30, deadline=0.4))
        with pytest.raises(DeliveryError) as caught:
            transport.connect()
    assert not caught.value.sent_unknown


def test_a_letter_whose_time_is_up_before_its_text_was_sent_has_not_left(
    smtp_sink: SmtpSink,
) -> None:
    ticks = count(step=9.0)  # every look at the clock costs nine seconds
    server = SmtpServer(smtp_sink.host, smtp_sink.port, security="none", deadline=60)
    with pytest.raises(DeliveryError) as caught:
        send(SmtpTransport(server, clock=lambda: next(ticks)))
    assert not caught.value.sent_unknown
    assert caught.value.affects_all
    assert smtp_sink.letters == []


def test_each_letter_has_a_deadline_of_its_own(smtp_sink: SmtpSink) -> None:
    moment = [1000.0]
    server = SmtpServer(smtp_sink.host, smtp_sink.port, security="none", deadline=20)
    transport = SmtpTransport(server, clock=lambda: moment[0])
    for _ in range(5):
        send(transport)
        moment[0] += 15
    transport.close()
    assert len(smtp_sink.letters) == 5
    assert connections(smtp_sink) == 1


@pytest.mark.parametrize(("timeout", "deadline"), [(0, 60), (60, 0), (-1, 60)])
def test_no_time_at_all_is_refused(timeout: float, deadline: float) -> None:
    with pytest.raises(SmtpServerError, match="more than 0"):
        SmtpTransport(SmtpServer("smtp.example.org", 465, timeout=timeout, deadline=deadline))


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo(smtp_sink.host, smtp_sink.port, type=socket.SOCK_STREAM)
    with full_server() as dead:
        silent = socket.getaddrinfo("127.0.0.1", dead, type=socket.SOCK_STREAM)
        monkeypatch.setattr(
            "replies.smtp.connection.addresses_of", lambda _host, _port: [*silent, *real]
        )
        server = SmtpServer(smtp_sink.host, smtp_sink.port, security="none", deadline=2)
        send(SmtpTransport(server))
    assert len(smtp_sink.letters) == 1


@contextmanager
def full_server() -> Iterator[int]:
    """Give a port whose queue of callers is full, so that the next one is left without answer."""
    with socket.socket() as listener, ExitStack() as callers:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for localhost that only a test trusts."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    places = ["-keyout", str(file), "-out", str(file.with_suffix(".crt"))]
    subprocess.run(["openssl", "req", *options, *names, *places], check=True, capture_output=True)
    return file


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_suffix(".crt"), certificate)
    return context


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_letter_goes_out_encrypted_and_after_a_login(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    is_implicit = security == "tls"
    with SmtpSink(tls=tls_of(certificate), implicit_tls=is_implicit, password="right") as sink:
        good = SmtpTransport(server_of(sink, security=security, username="desk", password="right"))
        send(good)
        good.close()
        assert len(sink.letters) == 1
        bad = SmtpTransport(server_of(sink, security=security, username="desk", password="wrong"))
        with pytest.raises(DeliveryError, match="user name or password") as caught:
            send(bad)
        assert (caught.value.permanent, caught.value.affects_all) == (False, True)
        assert len(sink.letters) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    certificate: Path, security: str
) -> None:
    with SmtpSink(tls=tls_of(certificate), implicit_tls=security == "tls") as sink:
        transport = SmtpTransport(server_of(sink, security=security))
        with pytest.raises(DeliveryError, match="certificate") as caught:
            send(transport)
        assert not caught.value.permanent
        assert sink.letters == []


def test_a_server_without_starttls_gets_no_letter_in_the_clear(smtp_sink: SmtpSink) -> None:
    transport = SmtpTransport(server_of(smtp_sink, security="starttls"))
    with pytest.raises(DeliveryError, match="STARTTLS"):
        send(transport)
    assert smtp_sink.letters == []


@pytest.mark.parametrize("host", ["smtp.example.org", "192.0.2.7", "localhost.example.org", ""])
def test_letters_cross_no_network_unencrypted(host: str) -> None:
    with pytest.raises(SmtpServerError, match="starttls"):
        SmtpTransport(SmtpServer(host, 25, security="none"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_on_this_machine_letters_may_go_unencrypted(host: str) -> None:
    SmtpTransport(SmtpServer(host, 25, security="none")).close()


@pytest.mark.parametrize(
    "make",
    [
        lambda: SmtpServer("smtp.example.org", 465, username="desk", password="pässword"),
        lambda: SmtpServer("smtp.example.org", 465, username="désk", password="password"),
        lambda: SmtpServer("smtp.example.org", 465, security="ssl"),
    ],
)
def test_settings_that_cannot_work_are_told_at_once(make: Callable[[], SmtpServer]) -> None:
    with pytest.raises(SmtpServerError) as caught:
        SmtpTransport(make())
    assert "pässword" not in str(caught.value)


def test_a_connection_can_be_tried_without_a_letter(smtp_sink: SmtpSink) -> None:
    transport = SmtpTransport(server_of(smtp_sink))
    transport.connect()
    send(transport)
    transport.close()
    assert connections(smtp_sink) == 1
    nobody = SmtpTransport(SmtpServer("nowhere.invalid", 465))
    with pytest.raises(DeliveryError, match="could not be reached"):
        nobody.connect()


def test_a_password_does_not_show() -> None:
    assert "secret" not in repr(SmtpServer("smtp.example.org", 465, password="secret"))
