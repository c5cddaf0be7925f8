"""The demo's post office behaves like a real one as far as Kith looks."""

import select
import smtplib
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from casework.demo.mail_servers import DemoMail, DemoMailError, mailbox_name

GROUP = "help@kith.example.org"


@pytest.fixture
def mail() -> Iterator[DemoMail]:
    servers = DemoMail(GROUP)
    servers.start()
    yield servers
    servers.stop()


@pytest.fixture
def client(mail: DemoMail) -> Iterator[IMAPClient]:
    with IMAPClient(mail.host, mail.imap_port, ssl=False, timeout=30) as connected:
        connected.login(mail.username, mail.password)
        yield connected


def letter(to: str, subject: str = "Hello") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Ann Example <ann@example.org>", to, subject
    made.set_content("Can you help?\n")
    return made


def test_delivered_mails_are_read_in_batches_and_no_flag_changes(
    mail: DemoMail, client: IMAPClient
) -> None:
    raws = [b"Subject: %d\r\n\r\nMail number %d\r\n" % (number, number) for number in range(200)]
    for raw in raws:
        mail.deliver(GROUP, raw)
    assert client.select_folder("INBOX", readonly=True)[b"EXISTS"] == 200
    uids = client.search()
    before = client.fetch(uids, ["FLAGS"])
    read: list[bytes] = []
    for start in range(0, len(uids), 50):
        batch = uids[start : start + 50]
        answer = client.fetch(batch, ["RFC822.SIZE", "BODY.PEEK[]"])
        read.extend(answer[uid][b"BODY[]"] for uid in batch)
        assert all(answer[uid][b"RFC822.SIZE"] == len(answer[uid][b"BODY[]"]) for uid in batch)
    assert read == raws
    assert {uid: data[b"FLAGS"] for uid, data in client.fetch(uids, ["FLAGS"]).items()} == {
        uid: data[b"FLAGS"] for uid, data in before.items()
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header at all",
        b"Subject: caf\xe9 \xff\r\n\r\nbody \x80\x00\xfe\r\n.\r\n..\r\n",
        b"Subject: bare line feeds\n\nbody\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nbroken",
        b"Subject: long line\r\n\r\n" + b"x" * 200_000,
    ],
    ids=["empty", "no header", "8 bit", "bare line feeds", "broken parts", "long line"],
)
def test_a_mail_comes_out_byte_for_byte(mail: DemoMail, client: IMAPClient, raw: bytes) -> None:
    mail.deliver(GROUP, raw, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    client.select_folder("INBOX", readonly=True)
    client.normalise_times = False
    (uid,) = client.search()
    answer = client.fetch([uid], ["BODY.PEEK[]", "INTERNALDATE"])[uid]
    assert answer[b"BODY[]"] == raw
    assert answer[b"INTERNALDATE"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_letter_sent_by_smtp_arrives_in_the_mailbox(mail: DemoMail, client: IMAPClient) -> None:
    with smtplib.SMTP(mail.host, mail.smtp_port, timeout=30) as sender:
        sender.send_message(letter(GROUP))
    client.select_folder("INBOX", readonly=True)
    (uid,) = client.search()
    raw = client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
    assert raw.startswith(b"Return-Path: <ann@example.org>\r\nDelivered-To: help@kith.example.org")
    assert b"Can you help?" in raw
    assert mail.letters_to(GROUP) == [raw]


def test_each_recipient_gets_a_copy(mail: DemoMail) -> None:
    with smtplib.SMTP(mail.host, mail.smtp_port, timeout=30) as sender:
        sender.send_message(letter("ann@example.org, bob@example.com"))
    assert len(mail.letters_to("ANN@example.org")) == len(mail.letters_to("bob@example.com")) == 1
    assert mail.letters_to("nobody@example.org") == []


def test_anybody_can_sign_in_to_a_mailbox_of_their_own(mail: DemoMail) -> None:
    mail.deliver("someone@example.org", b"Subject: x\r\n\r\n")
    with IMAPClient(mail.host, mail.imap_port, ssl=False, timeout=30) as other:
        other.login("someone@example.org", mail.password)
        assert other.select_folder("INBOX")[b"EXISTS"] == 1
    with IMAPClient(mail.host, mail.imap_port, ssl=False, timeout=30) as newcomer:
        newcomer.login("newcomer@example.org", mail.password)
        assert newcomer.select_folder("INBOX")[b"EXISTS"] == 0


def test_a_wrong_password_is_refused(mail: DemoMail) -> None:
    with (
        IMAPClient(mail.host, mail.imap_port, ssl=False, timeout=30) as stranger,
        pytest.raises(LoginError),
    ):
        stranger.login(GROUP, "wrong")


def test_a_client_in_idle_hears_of_a_new_mail(mail: DemoMail, client: IMAPClient) -> None:
    client.select_folder("INBOX", readonly=True)
    client.idle()
    mail.deliver(GROUP, b"Subject: x\r\n\r\n")
    # Not idle_check(): it takes a line that comes in two packets for a broken connection.
    heard, _, _ = select.select([client.socket()], [], [], 30)
    client.idle_done()
    assert heard
    assert len(client.search()) == 1


def test_it_listens_on_the_loopback_only(mail: DemoMail) -> None:
    for port in (mail.imap_port, mail.smtp_port):
        with socket.create_connection((mail.host, port), timeout=30) as connection:
            assert connection.getpeername() == ("127.0.0.1", port)


def test_plus_addresses_share_the_mailbox_of_the_plain_one() -> None:
    assert mailbox_name(" Help+K7F3@Kith.example.org") == GROUP


def test_stopping_leaves_no_thread_and_cuts_clients_in_mid_session() -> None:
    before = set(threading.enumerate())
    mail = DemoMail(GROUP)
    mail.start()
    busy = IMAPClient(mail.host, mail.imap_port, ssl=False, timeout=30)
    busy.login(mail.username, mail.password)
    busy.select_folder("INBOX")
    busy.idle()
    sending = smtplib.SMTP(mail.host, mail.smtp_port, timeout=30)
    sending.ehlo()
    mail.stop()
    mail.stop()
    assert set(threading.enumerate()) == before
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        sending.noop()
    with pytest.raises(OSError):
        socket.create_connection((mail.host, mail.imap_port), timeout=5)
    busy.shutdown()


def test_delivering_to_a_stopped_post_office_is_an_error() -> None:
    mail = DemoMail(GROUP)
    mail.start()
    mail.stop()
    with pytest.raises(DemoMailError, match="start it again"):
        mail.deliver(GROUP, b"")


def test_signing_in_leaves_the_password_out_of_the_log(
    mail: DemoMail, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"), IMAPClient(mail.host, mail.imap_port, ssl=False) as client:
        client.login(mail.username, mail.password)
    assert mail.password not in caplog.text
