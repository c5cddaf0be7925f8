"""What is told of mails beside their bytes: identities, threads, labels, numbers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from casework.demo.mail_servers import DemoMail
from intake.mailbox import (
    FetchedMail,
    FolderMissingError,
    Glimpse,
    ImapMailbox,
    ImapServer,
    MailboxError,
    Role,
)
from tests.intake.test_mailbox import RAW, fetch_all, server_for
from tests.services.dovecot import DovecotServer
from tests.services.scripted_faults import Drops, Hangs, Says
from tests.services.scripted_imap import ARRIVED, ScriptedImap

MAIL = b"Message-ID: <one@mail.example.org>\r\nSubject: One\r\n\r\nOne.\r\n"
GMAIL = ("IDLE", "X-GM-EXT-1")


def mailbox_at(server: ScriptedImap, **changes: object) -> ImapMailbox:
    settings: dict[str, object] = {
        "host": server.host,
        "port": server.port,
        "security": "none",
        "username": server.username,
        "password": server.password,
        "read_timeout": 5,
        **changes,
    }
    return ImapMailbox(ImapServer(**settings))  # type: ignore[arg-type]


def glimpse_all(mailbox: ImapMailbox) -> list[Glimpse]:
    mailbox.open()
    return [glimpse for batch in mailbox.glimpses(mailbox.uids_from(1)) for glimpse in batch]


def test_gmails_numbers_of_mail_and_thread_come_with_the_mail() -> None:
    with ScriptedImap(capabilities=GMAIL) as server:
        server.add(MAIL, gmail_id=1278455344230334865, gmail_thread=17)
        (mail,) = fetch_all(mailbox_at(server))
    assert (mail.object_id, mail.thread_id) == ("gm:1278455344230334865", "gm:17")


def test_the_object_ids_of_rfc_8474_come_with_the_mail() -> None:
    with ScriptedImap(capabilities=["OBJECTID"]) as server:
        server.add(MAIL, email_id="M6d99ac3275bb4e", thread_id="T64b478a75b7ea9")
        server.add(MAIL, email_id="12345", thread_id=None)
        first, second = fetch_all(mailbox_at(server))
    assert (first.object_id, first.thread_id) == ("oid:M6d99ac3275bb4e", "oid:T64b478a75b7ea9")
    assert (second.object_id, second.thread_id) == ("oid:12345", None)


def test_a_glimpse_tells_all_but_the_body() -> None:
    moment = datetime(2020, 2, 29, 1, 2, 3, tzinfo=UTC)
    with ScriptedImap(capabilities=GMAIL) as server:
        server.add(MAIL, gmail_id=9, labels=("\\Sent", "Kith/Done"), internal_date=moment)
        server.add(b"Subject: No id\r\n\r\n")
        first, second = glimpse_all(mailbox_at(server))
        assert not any("BODY.PEEK[]" in line for line in server.lines)
    labels = frozenset({"\\sent", "kith/done"})
    assert first == Glimpse(1, moment, len(MAIL), "gm:9", "<one@mail.example.org>", labels)
    assert second == Glimpse(2, ARRIVED, len(b"Subject: No id\r\n\r\n"))


def test_glimpses_of_a_vanished_mail_are_left_out() -> None:
    with ScriptedImap() as server:
        server.add(MAIL)
        mailbox = mailbox_at(server)
        mailbox.open()
        assert [g.uid for batch in mailbox.glimpses([1, 7]) for g in batch] == [1]


def test_a_mail_of_which_nothing_can_be_told_is_glimpsed_bare() -> None:
    with ScriptedImap() as server:
        server.add(MAIL)
        server.add(MAIL)
        server.spoil("FETCH", Says("NO [SERVERBUG]"), times=None, uid=2, containing="HEADER")
        glimpses = glimpse_all(mailbox_at(server))
    assert glimpses[0].message_id == "<one@mail.example.org>"
    assert glimpses[1] == Glimpse(2)


@pytest.mark.parametrize("fault", [Says("BAD Unknown"), Says("NO Not now"), Drops(), Drops(9)])
def test_a_server_that_boasts_of_what_it_cannot_do_is_asked_without(fault: Says | Drops) -> None:
    with ScriptedImap(capabilities=GMAIL) as server:
        server.add(MAIL, gmail_id=9)
        server.spoil("FETCH", fault, times=None, containing="X-GM")
        mailbox = mailbox_at(server)
        (mail,) = fetch_all(mailbox)
        (glimpse,) = glimpse_all(mailbox)
        asked = sum("X-GM" in line for line in server.lines)
        fetch_all(mailbox)
        assert sum("X-GM" in line for line in server.lines) == asked == 1
    assert mail == FetchedMail(1, MAIL, len(MAIL), ARRIVED, is_whole=True)
    assert glimpse.message_id == "<one@mail.example.org>"


def test_a_bad_moment_does_not_cost_the_object_ids_for_good() -> None:
    with ScriptedImap(capabilities=GMAIL) as server:
        server.add(MAIL, gmail_id=9)
        server.spoil("FETCH", Drops(), containing="X-GM")
        mailbox = mailbox_at(server)
        assert [mail.object_id for mail in fetch_all(mailbox)] == [None]
        server.cut_all()
        assert [mail.object_id for mail in fetch_all(mailbox)] == ["gm:9"]


def test_the_count_is_of_now_and_not_of_when_the_folder_was_opened() -> None:
    with ScriptedImap() as server:
        mailbox = mailbox_at(server)
        server.add(MAIL)
        mailbox.open()
        server.add(MAIL)
        server.add(MAIL)
        server.expunge(1)
        assert mailbox.count() == 2
        server.remake(uid_validity=2)
        with pytest.raises(MailboxError, match="made anew"):
            mailbox.count()


def test_a_folder_is_found_by_its_special_use_whatever_its_name() -> None:
    with ScriptedImap() as server:
        server.add_folder("[Google Mail]", "\\Noselect", "\\All")
        server.add_folder('[Google Mail]/Alle "Nachrichten" für uns', "\\HasNoChildren", "\\All")
        server.add_folder("12345", "\\Junk")
        server.add(MAIL, folder='[Google Mail]/Alle "Nachrichten" für uns')
        every = mailbox_at(server, special_use="\\All", role=Role.ALL_MAIL)
        spam = mailbox_at(server, special_use="\\junk", role=Role.SPAM, name_as="spam")
        assert [mail.raw for mail in fetch_all(every)] == [MAIL]
        assert fetch_all(spam) == []
    assert every.name == "hello@127.0.0.1/\\All"
    assert (every.role, spam.role, spam.name) == (Role.ALL_MAIL, Role.SPAM, "spam")


def test_a_folder_that_is_not_there_can_be_told_from_trouble() -> None:
    with ScriptedImap() as server:
        with pytest.raises(FolderMissingError, match=r"marks \\All"):
            mailbox_at(server, special_use="\\All").open()
        with pytest.raises(FolderMissingError, match="no folder 'Inbox/Kith'"):
            mailbox_at(server, folder="Inbox/Kith").open()
        server.spoil("EXAMINE", Says("NO [SERVERBUG] Try later"))
        with pytest.raises(MailboxError, match=r"it says: \[SERVERBUG\] Try later") as caught:
            mailbox_at(server).open()
    assert not isinstance(caught.value, FolderMissingError)


def test_without_a_uidvalidity_nothing_is_read() -> None:
    with ScriptedImap() as server:
        server.add(MAIL)
        server.remake(uid_validity=None)
        with pytest.raises(MailboxError, match="gives no UIDVALIDITY"):
            mailbox_at(server).open()


def test_a_great_many_mails_are_listed_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.mailbox.questions.MOST_FOUND", 3)
    with ScriptedImap() as server:
        for uid in (*range(1, 8), 30, 31):
            server.add(MAIL, uid=uid)
        mailbox = mailbox_at(server)
        mailbox.open()
        server.add(MAIL)
        assert mailbox.uids_from(1) == [*range(1, 8), 30, 31, 32]
        assert mailbox.uids_from(5) == [5, 6, 7, 30, 31, 32]
        assert mailbox.uids_from(99) == []


def test_a_mail_over_which_the_server_falls_silent_holds_up_no_other() -> None:
    with ScriptedImap(capabilities=GMAIL) as server:
        for n in range(5):
            server.add(RAW % (n, n), gmail_id=n + 1)
        server.spoil("FETCH", Hangs(after=40), times=None, uid=3, containing="BODY")
        mails = fetch_all(mailbox_at(server, read_timeout=0.15))
    assert [(mail.uid, mail.is_withheld) for mail in mails[:4]] == [
        (u, False) for u in (1, 2, 4, 5)
    ]
    assert (mails[4].uid, mails[4].is_withheld, mails[4].object_id) == (3, True, "gm:3")


def test_a_drop_in_the_middle_of_a_mail_costs_nothing() -> None:
    with ScriptedImap() as server:
        raws = [RAW % (n, n) for n in range(5)]
        for raw in raws:
            server.add(raw)
        server.spoil("FETCH", Drops(after=150), containing="BODY")
        assert sorted(mail.raw for mail in fetch_all(mailbox_at(server))) == raws


def test_dovecots_folder_for_junk_is_found(dovecot: DovecotServer) -> None:
    with dovecot.connect("junk") as client:
        client.append("Unwanted", "", ARRIVED, MAIL)
    server = replace(server_for(dovecot, "junk"), special_use="\\Junk")
    assert [mail.raw for mail in fetch_all(ImapMailbox(server))] == [MAIL]
    with pytest.raises(FolderMissingError):
        ImapMailbox(replace(server, special_use="\\All")).open()


def test_dovecots_mails_are_glimpsed(dovecot: DovecotServer) -> None:
    dovecot.deliver("glimpsed", MAIL)
    dovecot.deliver("glimpsed", RAW % (1, 1))
    first, second = glimpse_all(ImapMailbox(server_for(dovecot, "glimpsed")))
    assert (first.message_id, first.size) == ("<one@mail.example.org>", len(MAIL))
    assert (second.message_id, second.size) == (None, len(RAW % (1, 1)))


def test_the_demos_server_tells_object_ids() -> None:
    mail = DemoMail("hello@kith.example.org")
    mail.start()
    try:
        mail.deliver("hello@kith.example.org", MAIL)
        where = ImapServer(mail.host, mail.imap_port, "none", mail.username, mail.password)
        mailbox = ImapMailbox(where)
        (fetched,) = fetch_all(mailbox)
        (glimpse,) = glimpse_all(mailbox)
        assert fetched.object_id == glimpse.object_id
        assert (fetched.object_id or "").startswith("oid:")
        assert glimpse.message_id == "<one@mail.example.org>"
    finally:
        mail.stop()
