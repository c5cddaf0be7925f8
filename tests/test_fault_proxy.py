"""The proxy makes the trouble that it is asked for, and no other."""

import imaplib
import smtplib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.casework.desks import a_mail
from tests.services.fault_proxy import FaultProxy
from tests.services.places import LOOPBACK
from tests.services.smtp import SmtpSink
from tests.services.trouble import (
    Conversation,
    Fault,
    Protocol,
    Reset,
    SmtpConversation,
    Step,
    ToClient,
    ToServer,
    Trouble,
    one_after_the_other,
    seeded,
)

GREETING = b"* OK ready\r\n"
LETTER = "Subject: hello\r\n\r\nA line.\r\n"


@pytest.fixture
def proxy(smtp_sink: SmtpSink) -> Iterator[FaultProxy]:
    """Give a proxy before the sink."""
    with FaultProxy(smtp_sink.port, Protocol.SMTP) as running:
        yield running


def send(proxy: FaultProxy) -> None:
    with smtplib.SMTP(proxy.host, proxy.port, timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.org"], LETTER)


def passed(steps: Iterator[Step]) -> bytes:
    """Return what is passed on either way."""
    return b"".join(step.data for step in steps if isinstance(step, ToClient | ToServer))


def test_without_a_plan_nothing_goes_wrong(proxy: FaultProxy, smtp_sink: SmtpSink) -> None:
    send(proxy)
    send(proxy)
    assert len(smtp_sink.letters) == 2
    assert not proxy.counts
    assert proxy.connections == 2


@pytest.mark.parametrize(
    ("fault", "error", "arrived"),
    [
        (Fault.REFUSED, OSError, 0),
        (Fault.REFUSED_MAIL, smtplib.SMTPSenderRefused, 0),
        (Fault.REFUSED_RCPT, smtplib.SMTPRecipientsRefused, 0),
        (Fault.REFUSED_DATA, smtplib.SMTPDataError, 0),
        (Fault.REFUSED_LETTER, smtplib.SMTPDataError, 0),
        (Fault.TAKEN_THEN_DROPPED, OSError, 1),
        (Fault.LOST_THEN_DROPPED, OSError, 0),
        (Fault.ANSWER_CORRUPTED, smtplib.SMTPException, 0),
    ],
)
def test_each_fault_of_smtp_is_what_it_says(
    proxy: FaultProxy,
    smtp_sink: SmtpSink,
    fault: Fault,
    error: type[Exception],
    arrived: int,
) -> None:
    proxy.follow(one_after_the_other(Trouble(fault)))
    with pytest.raises(error):
        send(proxy)
    assert proxy.counts == {fault: 1}
    assert len(smtp_sink.letters) == arrived
    send(proxy)
    assert len(smtp_sink.letters) == arrived + 1


@pytest.mark.parametrize("fault", [Fault.HALVES, Fault.DELAYED])
def test_what_is_only_slow_arrives(proxy: FaultProxy, smtp_sink: SmtpSink, fault: Fault) -> None:
    proxy.follow(one_after_the_other(Trouble(fault)))
    send(proxy)
    assert len(smtp_sink.letters) == 1
    assert proxy.counts == {fault: 1}


def test_a_later_letter_of_a_connection_can_be_the_one_that_is_refused(
    proxy: FaultProxy, smtp_sink: SmtpSink
) -> None:
    proxy.follow(one_after_the_other(Trouble(Fault.REFUSED_RCPT, 1, b"550 5.1.1 no such user\r\n")))
    with smtplib.SMTP(proxy.host, proxy.port, timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.org"], LETTER)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@example.org", ["c@example.org"], LETTER)
        client.sendmail("a@example.org", ["d@example.org"], LETTER)
    assert [letter.recipients for letter in smtp_sink.letters] == [
        ("b@example.org",),
        ("d@example.org",),
    ]


def test_calm_ends_all_trouble(proxy: FaultProxy, smtp_sink: SmtpSink) -> None:
    proxy.follow(lambda _: Trouble(Fault.REFUSED))
    with pytest.raises(OSError):
        send(proxy)
    proxy.calm()
    send(proxy)
    assert len(smtp_sink.letters) == 1


def test_an_answer_is_cut_after_exactly_so_many_bytes(smtp_sink: SmtpSink) -> None:
    with FaultProxy(smtp_sink.port, Protocol.IMAP) as proxy:
        proxy.follow(one_after_the_other(Trouble(Fault.ANSWER_CUT, 7)))
        with socket.create_connection((LOOPBACK, proxy.port), timeout=10) as client:
            said = client.recv(100, socket.MSG_WAITALL)
    assert said == b"220 sin"


def test_a_server_that_is_not_there_is_a_refused_connection() -> None:
    with socket.socket() as nobody:
        nobody.bind((LOOPBACK, 0))
        with (
            FaultProxy(nobody.getsockname()[1], Protocol.IMAP) as proxy,
            pytest.raises((OSError, imaplib.IMAP4.error)),
        ):
            imaplib.IMAP4(proxy.host, proxy.port, timeout=10)


def corrupted_at(number: int, *pieces: bytes) -> bytes:
    said = Conversation(Trouble(Fault.ANSWER_CORRUPTED, number))
    return b"".join(passed(said.from_server(piece)) for piece in pieces)


def test_only_the_first_sign_of_a_line_is_corrupted_never_a_mail() -> None:
    mail = b"From: a@example.org\r\n\r\nA line\r\n"
    fetched = b"* 1 FETCH (BODY[] {%d}\r\n%s)\r\n" % (len(mail), mail)
    answer = GREETING + fetched + b"A1 OK done\r\n"
    assert corrupted_at(0, answer) == b"?" + answer[1:]
    assert corrupted_at(1, answer) == answer.replace(b"* 1", b"? 1")
    assert corrupted_at(2, answer) == answer.replace(b"A1", b"?1")
    assert corrupted_at(3, answer) == answer
    in_pieces = [answer[place : place + 3] for place in range(0, len(answer), 3)]
    assert corrupted_at(2, *in_pieces) == answer.replace(b"A1", b"?1")


def test_a_letter_is_watched_to_its_end_however_it_comes_in_pieces() -> None:
    said = SmtpConversation(Trouble(Fault.REFUSED_LETTER))
    assert passed(said.from_client(b"DATA\r")) == b""
    assert passed(said.from_client(b"\n")) == b"DATA\r\n"
    assert passed(said.from_server(b"354 go on\r\n")) == b"354 go on\r\n"
    for piece in (b"Subject: x\r\n\r\nMAIL FROM:<x>\r\n.", b"\r"):
        assert passed(said.from_client(piece)) == b""
    assert passed(said.from_client(b"\n")).startswith(b"451")
    assert said.happened == {Fault.REFUSED_LETTER: 1}


def test_the_same_seed_makes_the_same_trouble_and_another_makes_other_trouble() -> None:
    first, again, other = (
        [seeded(Protocol.SMTP, seed)(number) for number in range(200)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert {each.fault for each in first if each} > {Fault.REFUSED_MAIL, Fault.TAKEN_THEN_DROPPED}


def test_a_cut_ends_the_connection_on_both_sides() -> None:
    said = Conversation(Trouble(Fault.QUESTION_CUT, 4))
    steps = list(said.from_client(b"A1 LOGIN x y\r\n"))
    assert steps == [ToServer(b"A1 L"), Reset()]


def test_a_mail_of_the_tests_survives_the_proxy(proxy: FaultProxy, smtp_sink: SmtpSink) -> None:
    raw = a_mail(datetime(2026, 11, 24, tzinfo=UTC))
    with smtplib.SMTP(proxy.host, proxy.port, timeout=10) as client:
        client.sendmail("a@example.org", ["b@example.org"], raw)
    assert smtp_sink.letters[0].raw.split() == raw.split()
