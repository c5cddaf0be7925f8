"""The front door, tried against Dovecot and the demo's own server."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from casework.demo.mail_servers import DemoMail
from intake.mailbox import (
    BEGINNING_BYTES,
    FetchedMail,
    ImapMailbox,
    ImapServer,
    MailboxError,
    bounded_batches,
)
from tests.services.dovecot import DovecotServer

RAW = b"From: sam@example.org\r\nSubject: %d\r\n\r\nHello number %d.\r\n"


def server_for(dovecot: DovecotServer, user: str) -> ImapServer:
    return ImapServer(dovecot.host, dovecot.port, "none", user, dovecot.password)


def fetch_all(mailbox: ImapMailbox) -> list[FetchedMail]:
    mailbox.open()
    return [mail for batch in mailbox.fetch(mailbox.uids_from(1)) for mail in batch]


def test_mails_come_whole_in_order_with_the_servers_date(dovecot: DovecotServer) -> None:
    arrived = datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC)
    raws = [RAW % (n, n) for n in range(3)]
    for raw in raws:
        dovecot.deliver("whole", raw, arrived)
    mails = fetch_all(ImapMailbox(server_for(dovecot, "whole")))
    assert [mail.raw for mail in mails] == raws
    assert [mail.uid for mail in mails] == [1, 2, 3]
    assert {mail.internal_date for mail in mails} == {arrived}
    assert all(mail.is_whole and mail.size == len(mail.raw) for mail in mails)


def test_reading_changes_no_flag(dovecot: DovecotServer) -> None:
    dovecot.deliver("flags", RAW % (1, 1), flags=["\\Seen", "\\Flagged"])
    dovecot.deliver("flags", RAW % (2, 2))
    before = dovecot.flags("flags")
    mailbox = ImapMailbox(server_for(dovecot, "flags"))
    fetch_all(mailbox)
    mailbox.close()
    assert dovecot.flags("flags") == before
    assert before[1] == ("\\Flagged", "\\Recent", "\\Seen") or "\\Seen" in before[1]


def test_only_uids_from_the_first_asked_for_come(dovecot: DovecotServer) -> None:
    for n in range(4):
        dovecot.deliver("from", RAW % (n, n))
    mailbox = ImapMailbox(server_for(dovecot, "from"))
    mailbox.open()
    assert mailbox.uids_from(3) == [3, 4]
    assert mailbox.uids_from(5) == []  # a server answers `5:*` with its last mail


def test_an_outsized_mail_comes_alone_and_only_its_beginning(dovecot: DovecotServer) -> None:
    big = RAW % (1, 1) + b"x" * 400_000
    for raw in (RAW % (0, 0), big, RAW % (2, 2)):
        dovecot.deliver("outsized", raw)
    server = replace(server_for(dovecot, "outsized"), message_bytes=300_000)
    first, outsized, last = fetch_all(ImapMailbox(server))
    assert first.is_whole
    assert last.is_whole
    assert not outsized.is_whole
    assert outsized.raw == big[:BEGINNING_BYTES]
    assert outsized.size == len(big)


def test_a_mail_deleted_between_looking_and_fetching_is_left_out(dovecot: DovecotServer) -> None:
    dovecot.deliver("vanished", RAW % (1, 1))
    mailbox = ImapMailbox(server_for(dovecot, "vanished"))
    mailbox.open()
    assert [mail.uid for batch in mailbox.fetch([1, 7]) for mail in batch] == [1]


def test_starttls_and_tls_are_spoken_with_a_verified_certificate(
    dovecot: DovecotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate.certificate))
    dovecot.deliver("tls", RAW % (1, 1))
    plain = server_for(dovecot, "tls")
    for security, port in (("starttls", dovecot.port), ("tls", dovecot.tls_port)):
        server = replace(plain, host="localhost", security=security, port=port)
        assert len(fetch_all(ImapMailbox(server))) == 1


@pytest.mark.parametrize(("security", "tls_port"), [("starttls", False), ("tls", True)])
def test_a_certificate_nobody_vouches_for_is_refused(
    dovecot: DovecotServer, security: str, tls_port: bool
) -> None:
    port = dovecot.tls_port if tls_port else dovecot.port
    server = replace(server_for(dovecot, "u"), host="localhost", security=security, port=port)
    with pytest.raises(MailboxError, match="certificate that cannot be trusted"):
        ImapMailbox(server).open()


def test_a_wrong_password_is_told_as_such(dovecot: DovecotServer) -> None:
    with pytest.raises(MailboxError, match="refused the user name or password"):
        ImapMailbox(replace(server_for(dovecot, "u"), password="wrong")).open()


def test_a_password_that_imap_cannot_carry_is_told_before_it_is_tried() -> None:
    with pytest.raises(MailboxError, match="without accents"):
        ImapMailbox(ImapServer("127.0.0.1", 1, "none", "u", "pässwörd")).open()


def test_a_closed_port_a_missing_host_and_a_missing_folder_are_told_apart(
    dovecot: DovecotServer,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    good = server_for(dovecot, "u")
    for server, words in (
        (replace(good, port=port), "refused the connection"),
        (replace(good, host="no-such-host.invalid"), "was not found"),
        (replace(good, folder="No such folder"), "no folder 'No such folder'"),
    ):
        with pytest.raises(MailboxError, match=words):
            ImapMailbox(server).open()


def test_a_silent_server_is_given_up_on() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        server = ImapServer("127.0.0.1", port, "none", "u", "p", read_timeout=0.2)
        with pytest.raises(MailboxError, match="did not answer in time"):
            ImapMailbox(server).open()


def test_after_a_broken_connection_the_next_open_connects_anew(dovecot: DovecotServer) -> None:
    dovecot.deliver("again", RAW % (1, 1))
    mailbox = ImapMailbox(server_for(dovecot, "again"))
    mailbox.open()
    mailbox._line.client.socket().shutdown(socket.SHUT_RDWR)
    with pytest.raises(MailboxError):
        mailbox.uids_from(1)
    mailbox.open()
    assert mailbox.uids_from(1) == [1]


def test_batches_keep_within_count_and_bytes() -> None:
    server = ImapServer(
        "h", 1, "none", "u", "p", message_bytes=500, batch_messages=3, batch_bytes=100
    )
    sizes = [(1, 40), (2, 40), (3, 40), (4, 120), (5, 1), (6, 1), (7, 1), (8, 1), (9, 600), (10, 1)]
    batches = [[uid for uid, _ in batch] for batch in bounded_batches(sizes, server)]
    assert batches == [[1, 2], [3], [4], [5, 6, 7], [8], [9], [10]]


@pytest.fixture
def demo_mail() -> Iterator[DemoMail]:
    mail = DemoMail("hello@kith.example.org")
    mail.start()
    yield mail
    mail.stop()


def test_the_embedded_server_gives_the_same(demo_mail: DemoMail) -> None:
    raws = [RAW % (n, n) for n in range(60)]
    for raw in raws:
        demo_mail.deliver("hello@kith.example.org", raw)
    server = ImapServer(
        demo_mail.host, demo_mail.imap_port, "none", demo_mail.username, demo_mail.password
    )
    assert [mail.raw for mail in fetch_all(ImapMailbox(server))] == raws
