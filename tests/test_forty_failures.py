"""Forty ways in which other systems failed people, each as a story told to a whole Kith.

Each test says whose failure it is, by the number of that project's own report. Of what Kith does
not have yet only the part is told that exists: notes, and who may see which case (37, 39) come
with the volunteers' desk, drafts of replies (40) with writing back, purging by age and the export
for a person (38) with retention; each of these issues brings its own story.
"""

import ast
import inspect
import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from starlette.testclient import TestClient

from casework.inboxes import WatchedMailbox
from casework.merging import Doing, merge_cases
from casework.models import Case, CaseMessage, Correspondent, OutboxEmail, RawMail, ReceivedMail
from casework.web.app import make_app
from casework.worker import Service
from config.settings import GroupSettings, LimitSettings
from intake.inbox import raw_of
from intake.mailbox import ImapMailbox, ImapServer, MailboxError
from intake.poller import poll
from intake.reconciling import reconcile
from replies.outbox import enqueue
from replies.outgoing import OutgoingEmail, Purpose, to_mime
from replies.suspension import lift_suspension
from tests.casework.desks import a_mail
from tests.fakes import FakeMailbox
from tests.services.dovecot import DovecotServer
from tests.services.places import LOOPBACK, free_port
from tests.services.scripted_imap import ScriptedImap
from tests.simulation.answerers import (
    Answerer,
    as_out_of_office,
    as_shapeshifter_with_other_subjects,
)
from tests.simulation.house import GROUP_ADDRESS, House
from tests.simulation.kiths import Clock, evening
from tests.simulation.letters import Letter
from tests.simulation.machines import bounce_of
from tests.simulation.world import World

ROOT = Path(__file__).parent.parent
BRON = "bron@example.org"


@pytest.fixture
def house() -> Iterator[House]:
    """Give a whole Kith with the caps as they are shipped."""
    made = House()
    yield made
    made.close()


def acknowledged(house: House, **mail: str) -> Letter:
    """Let Bron (or who is named) write and be answered; return the letter."""
    house.write(**mail)
    house.work()
    return house.letters[-1]


def bounce(house: House, letter: Letter, status: str = "5.1.1") -> int:
    """Let a mail server say that it could not deliver the letter; return the UID."""
    number = len(house.inbox.mails)
    report = bounce_of(letter, GROUP_ADDRESS, house.clock(), f"<{number}.r@mx.example.net>", status)
    return house.receive(report.as_bytes())


# Loops, bounces, acknowledgements


def test_01_a_bounce_is_attached_to_its_case_and_never_answered(house: House) -> None:
    """faveo-helpdesk 150: a bounce makes a ticket, whose acknowledgement bounces, for ever."""
    letter = acknowledged(house)
    for _ in range(3):
        bounce(house, letter)
        house.work()
    [case] = house.cases()
    assert case.uids == (1, 2, 3, 4)
    assert len(house.letters) == 1
    assert "could not deliver" in " ".join(house.history(case.id))


@pytest.mark.parametrize("status", ["waiting", "closed"])
def test_02_an_out_of_office_reply_is_noted_and_changes_nothing(house: House, status: str) -> None:
    """osTicket 1041, odoo 66329: two answering machines write to each other without end."""
    letter = acknowledged(house)
    [case] = house.cases()
    house.set_status(case.id, status)
    house.receive(Answerer(BRON, as_out_of_office).answer(letter, house_letter(house), evening()))
    house.work()
    [after] = house.cases()
    assert after.uids == (1, 2)
    assert after.status == status
    assert len(house.letters) == 1


def house_letter(house: House) -> bytes:
    return house.raw_letters[-1]


def test_03_a_no_reply_robot_gets_nothing_and_nobody_the_same_letter_twice_a_day(
    house: House,
) -> None:
    """chatwoot 5131, FreeScout 3670: robots answered each acknowledgement, eleven conversations."""
    house.write(sender="Shop <no-reply@example.net>", List_Unsubscribe="<https://example.net/u>")
    house.write(sender="Shop <noreply@example.net>", text="Your order has been received.")
    house.work()
    assert house.letters == []
    for number in range(11):  # one that shows no mark at all
        house.write(sender="Shop <orders@example.com>", subject=f"Order {number}", text=ASKING)
        house.work()
    assert len(house.letters) == 1


ASKING = "Hello, please may we join your group? We are special guardians of two."


def test_04_a_robot_that_changes_its_address_each_turn_runs_into_the_caps(tmp_path: Path) -> None:
    """FreeScout 688: one byte of the address differs each turn, so no cap per address ever held."""
    limits = LimitSettings(
        acknowledgements_per_domain_per_hour=3,
        acknowledgements_per_hour=5,
        acknowledgements_per_subject_per_hour=4,
    )
    world = World(tmp_path, Clock(evening()))
    kith = world.kith(GROUP_ADDRESS, limits)
    world.add(
        Answerer("a@x.example.net", as_shapeshifter_with_other_subjects, domain="example.net")
    )
    kith.receive(a_mail(evening(), ASKING, "a@x.example.net", "Joining"), evening())
    assert world.go_on(rounds=19) == {GROUP_ADDRESS: 3}
    world.close()


def test_04_the_caps_also_count_by_subject_and_in_all() -> None:
    """FreeScout 688, from everywhere at once."""
    limits = LimitSettings(acknowledgements_per_hour=5, acknowledgements_per_subject_per_hour=4)
    house = House(limits)
    for number in range(8):
        house.write(f"{ASKING} {number}", f"a@host{number}.example.net", "The same subject")
    house.work()
    assert len(house.letters) == 4
    for number in range(8):
        house.write(f"{ASKING} {number}", f"b@host{number}.example.net", f"Subject {number}")
    house.work()
    assert len(house.letters) == 5
    assert len(house.cases()) == 16
    house.close()


def test_05_a_mailer_daemon_that_addresses_nobody_is_a_bounce(house: House) -> None:
    """FreeScout 634: mailer-daemon with an empty To was answered."""
    letter = acknowledged(house)
    report = bounce_of(letter, GROUP_ADDRESS, house.clock(), "<r@mx.example.net>").as_bytes()
    assert report.count(f"To: {GROUP_ADDRESS}".encode()) == 1
    uid = house.receive(report.replace(f"To: {GROUP_ADDRESS}".encode(), b"To: <>"))
    house.work()
    assert house.ledger()[uid].verdict == "delivery_report"
    assert len(house.letters) == 1


def test_06_a_dead_address_gets_no_automatic_mail_until_a_person_says_so(house: House) -> None:
    """zammad 1131: a follow-up trigger to a dead address looped."""
    bounce(house, acknowledged(house))
    house.work()
    house.clock.pass_by(days=2)
    again = house.write("My sister would like to help you on Saturdays.", subject="Helping")
    house.work()
    assert len(house.letters) == 1
    assert house.why_not(again)
    with house.sessions.begin() as session:
        assert lift_suspension(session, BRON, by="a volunteer", now=house.clock())
    house.clock.pass_by(days=2)
    house.write("What is a special guardianship order, please?", subject="A question")
    house.work()
    assert len(house.letters) == 2


def test_07_a_notice_to_an_operator_that_bounces_touches_no_case(house: House) -> None:
    """zammad 4941: the report about a mail to an agent looped through the notifications."""
    acknowledged(house)
    before = house.cases()
    with house.sessions.begin() as session:
        notice = OutgoingEmail(
            purpose=Purpose.NOTICE,
            from_name="Kith",
            from_address=GROUP_ADDRESS,
            to_address="operator@example.net",
            subject="No poll for 15 minutes",
            body="Please look.",
            message_id="<k.notice@kith.example.org>",
        )
        enqueue(session, notice, received_id=None, draft=False, now=house.clock())
    house.work()
    assert house.letters[-1].recipient == "operator@example.net"
    for _ in range(3):
        bounce(house, house.letters[-1])
        house.work()
    assert [case.uids for case in house.cases()] == [case.uids for case in before]
    assert len(house.letters) == 2


@pytest.mark.parametrize(
    "sender",
    [GROUP_ADDRESS, "Kith <Hello+news@KITH.example.org>", f'"Us" <{GROUP_ADDRESS}>'],
)
def test_08_our_own_address_is_nobody_who_writes_to_us(house: House, sender: str) -> None:
    """zammad 2923, osTicket 3966, PostHog 92017: the system wrote to itself."""
    uid = house.write(ASKING, sender)
    house.work()
    assert house.ledger()[uid].verdict == "loop"
    assert house.letters == []


@pytest.mark.parametrize("raw", [b"\r\n", b"\0\xff" * 50, b"From: x\r\nContent-Type: \xff\r\n\r\n"])
def test_09_what_cannot_be_read_is_told_to_volunteers_and_never_to_its_sender(
    house: House, raw: bytes
) -> None:
    """FreeScout 4143, 1403, 4631: "your update could not be processed" looped, 8,000 mails."""
    house.receive(raw)
    house.work()
    assert house.letters == []
    [case] = house.cases()
    assert case.row.needs_look or case.row.please_sort


@pytest.mark.parametrize(
    "header",
    [
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("X-Autoreply", "yes"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ("List-Id", "<parents.example.org>"),
        ("X-Failed-Recipients", "x@example.org"),
        ("Feedback-ID", "1:2:3:example"),
    ],
)
def test_10_every_standard_mark_counts_and_its_reason_is_kept(
    house: House, header: tuple[str, str]
) -> None:
    """frappe/helpdesk 3628: only the system's own header was looked for."""
    name, value = header
    uid = house.write(**{name.replace("-", "_"): value})
    house.work()
    assert house.letters == []
    line = house.ledger()[uid]
    assert line.rule
    assert house.why_not(uid)


def test_11_no_automatic_mail_reopens_a_case_and_people_only_so_often(house: House) -> None:
    """alga-psa 2772: auto-replies reopened tickets over and over."""
    letter = acknowledged(house)
    [case] = house.cases()
    house.set_status(case.id, "closed")
    house.receive(Answerer(BRON, as_out_of_office).answer(letter, house_letter(house), evening()))
    house.work()
    assert house.cases()[0].status == "closed"
    cap = LimitSettings().reopens_per_case_per_hour
    for number in range(cap + 1):
        house.set_status(case.id, "closed")
        house.answer(letter, f"I have one more question, number {number}. Can you ring me?")
        house.work()
        assert (house.cases()[0].status != "closed") is (number < cap)


def test_12_headers_tell_an_answering_machine_not_the_word_vacation(house: House) -> None:
    """zammad 5113: Gmail's out-of-office flipped a waiting ticket to open."""
    letter = acknowledged(house)
    [case] = house.cases()
    house.set_status(case.id, "waiting")
    house.answer(letter, "Dw i ar fy ngwyliau tan ddydd Llun.", Auto_Submitted="auto-replied")
    house.work()
    assert house.cases()[0].status == "waiting"
    words = "Out of office: nobody helps us. Our son's vacation ends on Monday, what do we do?"
    uid = house.write(words, "kim@example.com", "Vacation")
    house.work()
    assert house.ledger()[uid].state == "filed"


@pytest.mark.parametrize(
    "header",
    [
        ("X_Spam_Flag", "YES"),
        ("Authentication_Results", "mx.google.com; spf=fail; dmarc=fail header.from=example.org"),
    ],
)
def test_13_spam_and_forgeries_get_no_answer(house: House, header: tuple[str, str]) -> None:
    """FreeScout 628, suitenumerique/messages 722: acknowledgements to spam hit innocent people."""
    house.write(**dict([header]))
    house.work()
    assert house.letters == []


def test_14_every_letter_of_ours_stands_in_its_case(house: House) -> None:
    """FreeScout 1653: the acknowledgement could not be seen in the conversation."""
    letter = acknowledged(house)
    [case] = house.cases()
    assert case.letters == (letter.message_id,)
    assert "letter sent" in " ".join(house.history(case.id))


def test_15_a_second_request_of_the_same_day_is_acknowledged_and_replies_are_not(
    house: House,
) -> None:
    """FreeScout 91: once a day hid that the second request had come."""
    first = acknowledged(house)
    house.answer(first, "And we live in Leeds, if that matters to you.")
    house.work()
    assert len(house.letters) == 1
    house.write(
        "I used to be a social worker and would like to volunteer for you on Saturdays.",
        subject="I would like to help",
    )
    house.work()
    assert len(house.letters) == 2
    assert len(house.cases()) == 2


# Losing or duplicating mail


def test_16_what_somebody_has_read_already_is_fetched_like_all_else(
    house: House, dovecot: DovecotServer
) -> None:
    """FreeScout 3406, 2416: mail opened in Gmail was never fetched."""
    raw = a_mail(house.clock(), Message_ID="<seen@mail.example.org>")
    dovecot.deliver("forty-seen", raw, flags=["\\Seen", "\\Answered"])
    dovecot.deliver("forty-seen", raw.replace(b"<seen@", b"<new@"))
    before = dovecot.flags("forty-seen")
    server = ImapServer(dovecot.host, dovecot.port, "none", "forty-seen", dovecot.password)
    report = poll(
        ImapMailbox(server),
        house.sessions,
        now=house.clock,
        should_stop=lambda: False,
        from_the_start=True,
    )
    assert report.stored == 2
    assert dovecot.flags("forty-seen") == before


def test_17_after_an_outage_nothing_is_too_old_to_be_fetched(house: House) -> None:
    """FreeScout 1981, chatwoot 10429: mail older than the window was skipped for ever."""
    house.write()
    house.work()
    old = house.receive(
        a_mail(house.clock() - timedelta(days=200), ASKING, "kim@example.com"),
        at=house.clock() - timedelta(days=200),
    )
    house.clock.pass_by(days=90)
    house.work()
    assert house.ledger()[old].state == "filed"


def test_18_what_a_poll_passed_over_is_counted_and_fetched(house: House) -> None:
    """FreeScout 4109, 4646: silent misses, while the log said fetched."""
    house.write()
    hidden = house.write(ASKING, "kim@example.com")
    house.inbox.next_uid = 700  # so far above that no ordinary poll looks below again
    house.write(ASKING, "sam@example.com")
    raw = house.inbox.mails.pop(hidden)
    house.work()
    house.inbox.mails[hidden] = raw
    house.work()
    assert hidden not in house.ledger()
    found = reconcile(house.inbox, house.sessions, now=house.clock)
    assert found.missing == 1
    assert not found.is_well
    house.work()
    assert hidden in house.ledger()
    assert reconcile(house.inbox, house.sessions, now=house.clock).is_well


CHANGES_THE_MAILBOX = frozenset(
    {
        *("delete_messages", "expunge", "uid_expunge", "move", "copy", "append", "multiappend"),
        *("add_flags", "remove_flags", "set_flags", "add_gmail_labels", "remove_gmail_labels"),
        *("set_gmail_labels", "delete_folder", "rename_folder", "create_folder", "store"),
        *("close_folder", "unsubscribe_folder", "setacl", "setquota"),
    }
)


def test_19_no_line_of_ours_can_change_the_mailbox() -> None:
    """zammad 243, 923: an error in the set-up, and all mail was gone from the server."""
    opened_read_only = 0
    for path in sorted((ROOT / "intake" / "mailbox").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and "client" in ast.unparse(node.value):
                assert node.attr not in CHANGES_THE_MAILBOX, f"{path.name}:{node.lineno}"
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("select_folder"):
                assert {kw.arg: ast.unparse(kw.value) for kw in node.keywords} == {
                    "readonly": "True"
                }
                opened_read_only += 1
    assert opened_read_only


def test_20_an_old_mailbox_is_taken_in_silently() -> None:
    """zammad 539: connecting an old mailbox sent thousands of notices."""
    house = House(group=GroupSettings(address=GROUP_ADDRESS, go_live=evening()))
    for number in range(20):
        at = evening() - timedelta(days=number, minutes=1)
        raw = a_mail(at, ASKING, f"writer{number}@example.org", f"Joining {number}")
        house.receive(raw, at=at)
    house.work()
    assert house.letters == []
    assert len(house.cases()) == 20
    house.write(sender="new@example.org")
    house.work()
    assert len(house.letters) == 1
    house.close()


def test_21_overlapping_polls_store_each_mail_once(house: House) -> None:
    """zammad 1662, paperless 9436: two polls at once imported everything twice."""
    for number in range(6):
        house.write(f"{ASKING} {number}", f"writer{number}@example.org", f"Joining {number}")
    others = []

    def poll_as(owner: str) -> None:
        report = poll(
            house.inbox,
            house.sessions,
            now=house.clock,
            should_stop=lambda: False,
            from_the_start=True,
            owner=owner,
        )
        others.append(report.is_ours)

    def meanwhile() -> None:
        house.inbox.on_fetch = lambda: None
        rival = threading.Thread(target=poll_as, args=("a rival",))
        rival.start()
        rival.join(timeout=60)

    house.inbox.on_fetch = meanwhile
    house.work()
    assert others == [False]
    with house.sessions() as session:
        uids = session.execute(select(ReceivedMail.uid)).scalars().all()
    assert sorted(uids) == [1, 2, 3, 4, 5, 6]
    assert len(house.cases()) == 6


def test_22_a_new_mail_under_a_used_uid_is_new_and_an_old_one_is_known(house: House) -> None:
    """paperless 8944, 8939, 12839: UIDs used again made new mail "already processed"."""
    house.write(sender="first@example.org")
    house.write(sender="second@example.org", text=ASKING, subject="Question")
    house.work()
    assert len(house.letters) == 2
    house.inbox.mails = {1: house.inbox.mails[2]}
    house.inbox.uid_validity = 2
    new = house.inbox.add(a_mail(house.clock(), ASKING + " Soon?", "third@example.org", "Third"))
    house.inbox.dates[new] = house.clock.pass_by(hours=1)
    house.work()
    assert sorted(letter.recipient for letter in house.letters) == [
        "first@example.org",
        "second@example.org",
        "third@example.org",
    ]
    assert len(house.cases()) == 3


def test_23_nothing_is_downloaded_twice_not_even_what_is_ignored(house: House) -> None:
    """paperless 13175: 2.5 GB were fetched again every ten minutes."""
    house.write()
    house.write(sender="noreply@example.org", Precedence="bulk")
    house.receive(b"")
    for _ in range(4):
        house.work()
    assert sorted(house.inbox.fetched) == [1, 2, 3]


def test_24_a_mail_whose_words_were_erased_does_not_come_back(house: House) -> None:
    """chatwoot 12054, 10503: an erased conversation came back with the next poll."""
    house.write()
    house.work()
    with house.sessions.begin() as session:
        session.execute(delete(RawMail))
    house.work()
    house.inbox.make_anew(2, first_uid=40)
    house.work()
    assert len(house.cases()) == 1
    assert len(house.letters) == 1
    assert len(house.cases()[0].uids) == 1


def test_25_one_mail_through_two_mailboxes_is_one_message(house: House) -> None:
    """zammad 1578: the same Message-ID by way of two mailboxes made two tickets."""
    other = FakeMailbox(name="help@imap.example.org/INBOX")
    kith = house.service.kith
    both = (*kith.mailboxes, WatchedMailbox(other, None))
    house.service = Service(replace(kith, mailboxes=both), house.service.stop)
    raw = a_mail(house.clock(), Message_ID="<one@mail.example.org>")
    house.receive(raw)
    other.add(b"Delivered-To: help@kith.example.org\r\n" + raw, at=house.clock())
    house.work()
    assert len(house.cases()) == 1
    assert len(house.letters) == 1
    with house.sessions() as session:
        assert len(session.execute(select(ReceivedMail.id)).all()) == 2


@pytest.mark.parametrize("line", [b"From: \xff\xfe\r\n", b"From: <>\r\n", b"Form: x\r\n", b""])
def test_26_a_broken_sender_makes_a_case_that_shows_the_original(house: House, line: bytes) -> None:
    """zammad 811, 795, 4826: a broken From became an invisible file for the administrator."""
    raw = a_mail(house.clock(), "Our son is in care and nobody rings us back. Please help.")
    raw = raw.replace(b"From: Bron <bron@example.org>\n", line)
    uid = house.receive(raw)
    house.work()
    [case] = house.cases()
    assert case.uids == (uid,)
    assert case.writer is None
    assert house.letters == []
    with house.sessions() as session:
        assert raw_of(session, house.ledger()[uid].id) == raw


def test_27_no_single_mail_holds_up_the_others(house: House) -> None:
    """zammad 2416: one HTML mail hung the importer."""
    html = "<div style='a'>" * 60_000 + "<table><tr><td>" * 20_000 + "&nbsp;<b>" * 60_000
    head = f"From: a@example.org\r\nTo: {GROUP_ADDRESS}\r\nContent-Type: text/html\r\n\r\n"
    hard = house.receive(head.encode() + html.encode())
    after = house.write(sender="kim@example.com")
    house.work()
    assert house.ledger()[after].state == "filed"
    assert house.ledger()[hard].state in {"filed", "set_aside"}
    assert "kim@example.com" in {letter.recipient for letter in house.letters}


def test_28_sign_in_again_is_told_apart_from_no_network() -> None:
    """oauthimap 8, mailpile 1893, osTicket 5390: a token ran out, and the intake just stopped."""
    with ScriptedImap() as server:
        refused = ImapServer(server.host, server.port, "none", server.username, "wrong")
        with pytest.raises(MailboxError) as signing_in:
            ImapMailbox(refused).open()
    away = ImapServer(LOOPBACK, free_port(), "none", "hello@kith.example.org", "x")
    with pytest.raises(MailboxError) as network:
        ImapMailbox(away).open()
    assert signing_in.value.needs_sign_in
    assert not network.value.needs_sign_in
    assert str(signing_in.value) != str(network.value)


# Threading


def test_29_whoever_types_the_reference_does_not_join_the_case(house: House) -> None:
    """zammad 5064, faveo 165: anyone who typed the number joined the case."""
    letter = acknowledged(house)
    [case] = house.cases()
    house.write("Tell me more.", "stranger@example.net", f"Re: {letter.subject}")
    house.write("Tell me more!", "stranger2@example.net", "Re: [BCDF-2K]")
    house.work()
    assert house.cases()[0].uids == case.uids
    assert len(house.cases()) == 3
    assert len(house.letters) == 1


def test_30_nobody_who_answers_becomes_the_owner_of_the_case(house: House) -> None:
    """FreeScout 2382: the answer of a Bcc recipient replaced the customer."""
    letter = acknowledged(house)
    uid = house.answer(letter, "I was copied in. Please add me.", "cousin@example.com")
    house.work()
    [case] = [each for each in house.cases() if 1 in each.uids]
    assert case.writer == BRON
    assert len(house.letters) == 1
    if uid in case.uids:
        assert case.row.unconfirmed_sender


def test_31_a_new_matter_sent_as_a_reply_to_a_closed_case_gets_a_case_of_its_own(
    house: House,
) -> None:
    """chatwoot 15869, FreeScout 4454: it vanished in the closed case."""
    letter = acknowledged(house)
    [old] = house.cases()
    house.set_status(old.id, "closed")
    house.answer(letter, "Could you speak at our school in May?", Subject="A talk at our school")
    house.work()
    closed, new = house.cases()
    assert closed.status == "closed"
    assert new.uids == (2,)
    assert new.row.follows == old.id


def test_32_an_answer_to_a_merged_case_goes_where_its_correspondence_went(house: House) -> None:
    """zammad 377, 983, frappe 2539: replies to a merged case went astray."""
    first = acknowledged(house)
    acknowledged(house, text="I would like to help on Saturdays.", subject="Helping")
    one, two = house.cases()
    with house.sessions.begin() as session:
        merge_cases(session, one.id, two.id, Doing("a volunteer", house.clock()))
    house.answer(first, "And one more thing about joining.")
    house.work()
    [case] = house.cases()
    assert case.id == two.id
    assert 3 in case.uids


def test_32_cases_that_point_at_each_other_stop_no_mail(house: House) -> None:
    """zammad 377, with a circle in it."""
    first = acknowledged(house)
    acknowledged(house, text="I would like to help on Saturdays.", subject="Helping")
    one, two = house.cases()
    with house.sessions.begin() as session:
        for this, other in ((one.id, two.id), (two.id, one.id)):
            session.execute(update(Case).where(Case.id == this).values(merged_into=other))
    uid = house.answer(first, "And one more thing about joining.")
    house.work()
    assert house.ledger()[uid].state == "filed"


def test_33_the_second_reply_and_one_with_references_alone_find_their_case(house: House) -> None:
    """brimir 397, uvdesk 87, django-helpdesk 756: they made a new ticket."""
    letter = acknowledged(house)
    house.answer(letter, "First reply, with our address in Leeds.")
    house.work()
    house.write("The second reply, to my own mail.", In_Reply_To="<2@mail.example.org>")
    house.work()
    references = f"<unknown@phone.example.org> {letter.message_id} <lost@phone.example.org>"
    house.write("With References alone.", subject="Re: joining", References=references)
    house.work()
    [case] = house.cases()
    assert case.uids == (1, 2, 3, 4)
    assert len(house.letters) == 1


def test_34_a_forward_is_by_whoever_forwards_it(house: House) -> None:
    """FreeScout 2761, 2813, 5028: it was credited to whichever address stood in the body."""
    text = (
        "Could you help her?\n\n---------- Forwarded message ---------\n"
        "From: Zed Quill <zed@example.net>\nSubject: Help\n\nPlease help me with my review.\n"
    )
    house.write(text, "friend@example.com", "Fwd: Help")
    house.work()
    [case] = house.cases()
    assert case.writer == "friend@example.com"
    with house.sessions() as session:
        people = session.execute(select(Correspondent.id)).all()
    assert len(people) == 1
    assert {letter.recipient for letter in house.letters} <= {"friend@example.com"}


# Content and privacy


def test_35_answers_between_the_quotes_are_all_kept(house: House) -> None:
    """FreeScout 2578, 3904, 4263, 5657: inline answers were cut off; "we missed half"."""
    text = (
        "> When did he go into care?\nIn June.\n> Who is the social worker?\n"
        "Ms Example, since July.\n\nOn Tuesday somebody wrote:\n> And the old letter.\nLast line.\n"
    )
    house.write(text)
    house.work()
    with house.sessions() as session:
        stored = session.execute(
            select(CaseMessage.text).where(CaseMessage.received_id.is_not(None))
        ).scalar_one()
    for line in text.splitlines():
        assert line in stored


@pytest.mark.parametrize("charset", ["utf-8", "cp1252", "iso-8859-15"])
@pytest.mark.parametrize("declared", ["right", "wrong", "none"])
def test_36_accents_pounds_and_quotes_survive(house: House, charset: str, declared: str) -> None:
    """zammad 2167, django-helpdesk 719, osTicket 1177: garbled accents, pounds and quotes."""
    words = "Café Zoë owes us £20, she said."
    said = {"right": charset, "wrong": "us-ascii", "none": ""}[declared]
    content_type = f"Content-Type: text/plain; charset={said}\r\n" if said else ""
    head = f"From: {BRON}\r\nTo: {GROUP_ADDRESS}\r\nSubject: x\r\n{content_type}\r\n"
    house.receive(head.encode() + words.encode(charset))
    house.work()
    with house.sessions() as session:
        stored = session.execute(
            select(CaseMessage.text).where(CaseMessage.received_id.is_not(None))
        ).scalar_one()
    assert words in stored


def test_37_a_letter_has_one_recipient_and_no_copies(house: House) -> None:
    """django-helpdesk 1300, brimir 412, FreeScout 208: a Bcc or a note reached outsiders."""
    names = {field.name for field in fields(OutgoingEmail)}
    assert not {name for name in names if "cc" in name or "note" in name}
    acknowledged(house, Cc="council@example.net, friend@example.com", Bcc="hidden@example.net")
    assert {letter.recipient for letter in house.letters} == {BRON}
    for raw in house.raw_letters:
        head = raw.lower().partition(b"\r\n\r\n")[0]
        assert b"\r\ncc:" not in head
        assert b"\r\nbcc:" not in head
        assert b"council@" not in raw
    assert "bcc" not in inspect.getsource(to_mime).lower()


def test_38_nothing_of_a_mail_lies_on_the_disk_outside_the_database(house: House) -> None:
    """FreeScout 4801, 5108, zammad 2134, 4838: attachments stayed on the disk after a purge."""
    head = f"From: {BRON}\r\nTo: {GROUP_ADDRESS}\r\nMIME-Version: 1.0\r\n"
    kind = 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    parts = "--b\r\n\r\nHello\r\n--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nQUIX"
    house.receive(f"{head}{kind}{parts}\r\n--b--\r\n".encode())
    house.work()
    directory = house.service.kith.settings.data_dir
    assert directory is not None
    holders = {path.name for path in directory.rglob("*") if b"QUIX" in path.read_bytes()}
    assert holders
    assert {name.split("-")[0] for name in holders} == {"kith.sqlite3"}


def test_39_the_page_says_nothing_of_what_was_written(house: House) -> None:
    """zammad 2757: the sidebar showed the titles of confidential tickets."""
    house.write("Zebedee is in danger tonight.", "Quill <quill@example.org>", "About Zebedee")
    house.work()
    page = TestClient(
        make_app(house.sessions, house.clock, "Northfield"), base_url="http://localhost"
    ).get("/")
    assert house.cases()[0].reference in page.text
    for word in ("Zebedee", "quill", "Quill"):
        assert word not in page.text


def test_40_the_page_works_on_a_phone_and_without_javascript(house: House) -> None:
    """zammad 223, 3067: no use on a phone, and none by keyboard alone."""
    house.write()
    house.work()
    page = TestClient(
        make_app(house.sessions, house.clock, "Northfield"), base_url="http://localhost"
    ).get("/")
    assert "<script" not in page.text
    assert 'name="viewport"' in page.text
    assert '<html lang="en' in page.text
    assert OutboxEmail.__tablename__ not in page.text
