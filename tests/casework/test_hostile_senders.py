"""Who means harm: forged senders, look-alike addresses, floods of ids; each tried for real."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, event, func, select, update

from casework.breakers import open_breakers
from casework.models import Case, CaseMessage, OutboxEmail
from casework.queue import Band, read_queue
from casework.references import find_references, new_reference
from casework.threading.policy import MOST_JOINED, MOST_KEPT
from config.database import Sessions
from intake.inbox import store
from intake.mailbox import FetchedMail
from intake.risk import RiskLevel
from replies.suspension import suspended_addresses
from tests.casework.desks import GROUP_ADDRESS, NO_CAPS, a_mail, a_worker, process, the_desk

VICTIM = "Marion <marion@example.org>"
FORGED = {"Authentication_Results": "mx.google.com; spf=fail; dmarc=fail header.from=example.org"}
JOINING = "I would like to join your group please, my son is back in care."

Take = Callable[..., list[str]]


@pytest.fixture
def take(sessions: Sessions, now: datetime) -> Take:
    """Give what takes mails through the pipeline and returns why each was (not) answered."""
    desk = the_desk()
    judges = replace(desk.judges, trusted_authserv_ids=frozenset({"mx.google.com"}))
    desk = replace(desk, judges=judges)
    uid = 1

    def work(*raws: bytes, at: datetime = now, without_caps: bool = False) -> list[str]:
        nonlocal uid
        mails = [
            FetchedMail(uid + n, raw, len(raw), at, is_whole=True) for n, raw in enumerate(raws)
        ]
        uid += len(raws)
        with sessions.begin() as session:
            store(session, "inbox", 1, mails, at)
        used = replace(desk, caps=NO_CAPS) if without_caps else desk
        done = process(sessions, a_worker(at), used)
        return [each.outcome.reason if each.outcome else "" for each in done]

    return work


def cases_of(sessions: Sessions) -> list[list[str]]:
    """Return for every case that is not merged the screening rules of its mails."""
    with sessions() as session:
        cases = session.execute(select(Case).where(Case.merged_into.is_(None)).order_by(Case.id))
        return [
            [each.screening_rule or "" for each in case.messages if each.received_id]
            for case in cases.scalars()
        ]


def letters(sessions: Sessions) -> int:
    with sessions() as session:
        return session.execute(select(func.count()).select_from(OutboxEmail)).scalar_one()


@pytest.mark.parametrize("forged_first", [False, True])
def test_a_forged_mail_becomes_no_part_of_the_conversation_of_whom_it_names(
    take: Take, sessions: Sessions, now: datetime, forged_first: bool
) -> None:
    true = a_mail(now, sender=VICTIM, Message_ID="<v1@x.example>")
    forged = a_mail(now, JOINING, sender=VICTIM, Message_ID="<v1@x.example>", **FORGED)
    for raw in (forged, true) if forged_first else (true, forged):
        take(raw)
    take(
        a_mail(
            now,
            "One more question: when do you meet?",
            sender=VICTIM,
            subject="Re: Joining",
            In_Reply_To="<v1@x.example>",
        )
    )
    together = [["failed-authentication"], ["personal", "personal"]]
    assert cases_of(sessions) == (together if forged_first else together[::-1])
    assert letters(sessions) == 1


def test_a_flood_in_somebodys_name_does_not_silence_them(
    take: Take, sessions: Sessions, now: datetime
) -> None:
    take(*(a_mail(now, JOINING, VICTIM, Message_ID=f"<{n}@x>", **FORGED) for n in range(4)))
    take(a_mail(now, sender=VICTIM, Message_ID="<true@x>"))
    assert letters(sessions) == 1


@pytest.mark.parametrize("twin", ["marion@faß.example", "marion@ｆass.example"])
def test_whoever_has_a_look_alike_address_joins_nothing_and_no_letter_goes_astray(
    take: Take, sessions: Sessions, now: datetime, twin: str
) -> None:
    take(a_mail(now, sender="marion@fass.example", Message_ID="<v1@x>"))
    raw = a_mail(now, sender="X", subject="Re: Joining", In_Reply_To="<v1@x>")
    take(raw.replace(b"From: X", f"From: {twin}".encode()))
    assert cases_of(sessions) == [["personal"], ["unusual-spelling"]]
    with sessions() as session:
        people = session.execute(select(Case.correspondent_id).order_by(Case.id)).scalars().all()
    assert [person is None for person in people] == [False, True]
    assert letters(sessions) == 1


def test_a_sender_that_our_mail_server_does_not_see_joins_nothing(
    take: Take, sessions: Sessions, now: datetime
) -> None:
    take(a_mail(now, sender=VICTIM, Message_ID="<v1@x>"))
    seen = "mx.google.com; dmarc=pass (p=REJECT) header.from=evil.example"
    take(a_mail(now, JOINING, VICTIM, In_Reply_To="<v1@x>", Authentication_Results=seen))
    assert cases_of(sessions) == [["personal"], ["seen-as-another"]]
    assert letters(sessions) == 1


@pytest.mark.parametrize(
    "hidden",
    [
        "=?utf-8?b?bWFyaW9uQGV4YW1wbGUub3Jn?=",
        "marion=?us-ascii?q?=40?=example.org",
        "marion@=?us-ascii?q?example?=.org",
    ],
)
def test_an_address_that_no_mail_server_can_see_lets_nobody_in(
    take: Take, sessions: Sessions, now: datetime, hidden: str
) -> None:
    take(a_mail(now, sender=VICTIM, Message_ID="<v1@x>"))
    raw = a_mail(now, JOINING, sender="X", In_Reply_To="<v1@x>")
    take(raw.replace(b"From: X", f"From: {hidden}".encode()))
    assert cases_of(sessions) == [["personal"], ["sender-not-in-from"]]


def test_a_report_that_quotes_the_letter_in_its_text_suspends_the_address(
    take: Take, sessions: Sessions, now: datetime
) -> None:
    take(a_mail(now, sender=VICTIM))
    with sessions() as session:
        ours = session.execute(select(OutboxEmail.message_id)).scalar_one()
    for message_id in ("<guess@kith.example.org>", ours):
        text = (
            "A message that you sent could not be delivered to:\n\n  marion@example.org\n"
            "    host mx.example.org: 550 5.1.1 no such user\n\n"
            f"------ This is a copy of the message. ------\n\nMessage-ID: {message_id}\n"
        )
        sender = "Mail Delivery System <mailer-daemon@mx.example.org>"
        with sessions() as session:
            assert not suspended_addresses(session)
        take(a_mail(now, text, sender, "Mail delivery failed", Return_Path="<>"))
    with sessions() as session:
        assert [each.key for each in suspended_addresses(session)] == ["marion@example.org"]


def test_a_robot_that_hides_its_mark_under_a_thousand_headers_is_not_answered(
    take: Take, sessions: Sessions, now: datetime
) -> None:
    head, body = a_mail(now).split(b"\n\n", 1)
    junk = b"".join(b"\nX-Junk-%d: x" % n for n in range(2_100))
    take(head + junk + b"\nAuto-Submitted: auto-replied\n\n" + body)
    assert letters(sessions) == 0


def test_a_repeat_with_danger_in_its_subject_raises_the_risk(
    take: Take, sessions: Sessions, now: datetime
) -> None:
    take(a_mail(now, sender=VICTIM, Message_ID="<v1@x>"))
    subject = "He has a knife and says he will kill us tonight"
    take(a_mail(now, sender=VICTIM, subject=subject, Message_ID="<v1@x>"))
    with sessions() as session:
        [level] = session.execute(select(Case.risk_level)).scalars()
    assert level == RiskLevel.NOW


@pytest.mark.parametrize(
    ("said", "band"),
    [
        ("Thank you so much, that helped.", Band.HELD),
        ("Thank you. He has a knife and says he will kill us tonight.", Band.DANGER),
    ],
)
def test_no_mail_is_hidden_in_a_closed_case(
    take: Take, sessions: Sessions, now: datetime, said: str, band: Band
) -> None:
    take(a_mail(now, sender=VICTIM, Message_ID="<v0@x>"))
    for n in range(1, 8):  # the last ones open it no more
        with sessions.begin() as session:
            session.execute(update(Case).values(status="closed", closed_at=now))
        with sessions() as session:
            assert not read_queue(session, now.date()).rows or n > 1
        at = now + timedelta(minutes=n)
        raw = a_mail(at, f"{said} {n}", VICTIM, "Re: Joining", In_Reply_To="<v0@x>")
        take(raw, at=at, without_caps=True)
    with sessions() as session:
        queue = read_queue(session, now.date())
    assert [row.band for row in queue.rows] == [band]
    assert queue.open_cases == 1


def test_what_was_merged_is_not_shown_again(take: Take, sessions: Sessions, now: datetime) -> None:
    take(a_mail(now, sender=VICTIM), a_mail(now, JOINING, sender=VICTIM, subject="Other"))
    with sessions.begin() as session:
        gone = update(Case).where(Case.id == 2)
        session.execute(gone.values(status="closed", merged_into=1, needs_look=True))
    with sessions() as session:
        assert len(read_queue(session, now.date()).rows) == 1


def test_hundreds_of_mails_with_one_id_cost_each_the_same(
    take: Take, sessions: Sessions, engine: Engine, now: datetime
) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    costs = []
    for batch in range(3):
        statements.clear()
        take(
            *(
                a_mail(
                    now,
                    f"{JOINING} {n}",
                    f"s{batch}.{n}@example.net",
                    Message_ID="<m@x>",
                    In_Reply_To="<future@x>",
                )
                for n in range(25)
            ),
            without_caps=True,
        )
        costs.append(len(statements))
    assert costs[2] <= costs[1] + 10
    with sessions() as session:
        kept = session.execute(select(CaseMessage.filed_evidence, CaseMessage.filed_alternatives))
        assert max(len(row[0] or ()) + len(row[1] or ()) for row in kept) <= 2 * MOST_KEPT
    statements.clear()
    take(a_mail(now, sender=VICTIM, Message_ID="<future@x>"))
    assert len(statements) < 120


def test_one_mail_makes_only_so_many_cases_one(
    take: Take, sessions: Sessions, now: datetime
) -> None:
    many = 2 * MOST_JOINED
    take(
        *(
            a_mail(now, f"{JOINING} {n}", VICTIM, Message_ID=f"<c{n}@x>", In_Reply_To="<p@x>")
            for n in range(many)
        )
    )
    assert len(cases_of(sessions)) == many
    take(a_mail(now, sender=VICTIM, Message_ID="<p@x>"))
    assert len(cases_of(sessions)) == many - MOST_JOINED + 1


def test_ten_thousand_references_and_tokens_hold_nobody_up(
    take: Take, sessions: Sessions, now: datetime
) -> None:
    subject = " ".join(new_reference() for _ in range(10_000))
    assert len(find_references(subject)) == 20
    raw = a_mail(now, JOINING, sender="eve@example.net", subject="S")
    to = ", ".join(
        GROUP_ADDRESS.replace("@", f"+k{new_reference().replace('-', '').lower()}.b{'a' * 16}@")
        for _ in range(400)
    )
    hostile = raw.replace(b"Subject: S", b"Subject: " + subject.encode())
    hostile = hostile.replace(b"To: " + GROUP_ADDRESS.encode(), b"To: " + to.encode())
    take(*(hostile.replace(b"eve", b"eve%d" % n) for n in range(3)), a_mail(now, sender=VICTIM))
    assert letters(sessions) == 1
    assert len(cases_of(sessions)) == 4


ODD_HEADERS = (
    b"Message-ID: <\xff\xfe\x80@x>",
    b"Message-ID: <" + b"\xc3\xa9" * 2_000 + b"@x>",
    b"References: <\xed\xa0\x80@x> <a\x00b@x>",
    b"In-Reply-To: \xff<\x00>",
    b"Thread-Index: \xff\x00\x80AAAA",
    b"Subject: \xed\xa0\x80\x00\x1b[31m",
    b"From: \xff\x00 <\xe9@\xff.example>",
    b"From: " + b"a" * 300 + b"@" + b"b." * 100 + b"example",
    b"To: hello+k\xff@kith.example.org",
    b"Authentication-Results: mx.google.com; dmarc=pass header.from=\xff;header.from=",
    b"Date: Fri, 31 Dec 9999 23:59:59 -1200",
)


def test_no_odd_byte_in_a_header_keeps_a_mail_out_of_the_database(
    take: Take, sessions: Sessions, now: datetime
) -> None:
    raws = []
    for number, odd in enumerate(ODD_HEADERS):
        lines = a_mail(now, f"{JOINING} {number}", f"w{number}@example.net").split(b"\n")
        name = odd.partition(b":")[0] + b":"
        raws.append(b"\n".join([odd, *(line for line in lines if not line.startswith(name))]))
    take(*raws)
    assert len(cases_of(sessions)) == len(ODD_HEADERS)


def test_a_flood_into_a_case_does_not_silence_its_correspondent(
    take: Take, sessions: Sessions, now: datetime
) -> None:
    take(a_mail(now, sender=VICTIM, Message_ID="<v1@x>"))
    with sessions() as session:
        ours = session.execute(select(OutboxEmail.message_id)).scalar_one()
    eve = "eve@example.net"
    take(*(a_mail(now, f"{JOINING} {n}", eve, "Re: Joining", In_Reply_To=ours) for n in range(12)))
    take(a_mail(now, "Thank you, a question", VICTIM, "Re: Joining", In_Reply_To="<v1@x>"))
    with sessions() as session:
        assert [each.key for each in open_breakers(session, now)] == ["eve@example.net"]
