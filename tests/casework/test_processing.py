"""Working through the received mails: one bad mail harms no other, and nothing is lost."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from casework.correspondents import KnownCorrespondent, add_correspondent
from casework.drawer import Drawer
from casework.letters import tell_fates
from casework.models import Case, CaseEvent, CaseMessage, Correspondent, OutboxEmail, ReceivedMail
from casework.pipeline import understand
from config.database import Sessions
from intake.inbox import MailState, claim_next, store, take_up_again
from intake.mailbox import FetchedMail
from intake.message import Address
from replies.acknowledgement import compose_acknowledgement
from tests.casework.desks import a_mail, a_worker, process, receive, the_desk


def states(sessions: Sessions) -> list[str]:
    with sessions() as session:
        statement = select(ReceivedMail.state).order_by(ReceivedMail.id)
        return list(session.execute(statement).scalars())


def break_on(monkeypatch: pytest.MonkeyPatch, subject: str, where: str) -> None:
    """Let a stage fail on the mail with this subject, as a bug nobody knows of would."""
    if where == "judging":

        def wrong(mail, raw, desk, now):  # type: ignore[no-untyped-def]
            if subject.encode() in raw:
                raise ZeroDivisionError
            return understand(mail, raw, desk, now)

        monkeypatch.setattr("casework.processing.understand", wrong)
        return

    def wrongly(request, templates, signposts):  # type: ignore[no-untyped-def]
        if request.to_address.startswith(subject):
            raise ZeroDivisionError
        return compose_acknowledgement(request, templates, signposts)

    monkeypatch.setattr("casework.pipeline.compose_acknowledgement", wrongly)


@pytest.mark.parametrize("where", ["judging", "filing"])
def test_a_mail_that_fails_three_times_is_set_aside_and_the_rest_goes_on(
    sessions: Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    raws = [a_mail(now, sender=f"{name}@example.org", subject=name) for name in ("a", "bad", "c")]
    receive(sessions, now, *raws)
    break_on(monkeypatch, "bad", where)
    for attempt in range(3):
        process(sessions, a_worker(now + attempt * timedelta(minutes=1)))
        expected = MailState.SET_ASIDE if attempt == 2 else MailState.RECEIVED
        assert states(sessions) == [MailState.FILED, expected, MailState.FILED]
    with sessions() as session:
        assert len(session.execute(select(Case)).all()) == 2
        assert len(session.execute(select(OutboxEmail)).all()) == 2
        reason = session.execute(
            select(ReceivedMail.reason).where(ReceivedMail.state == MailState.SET_ASIDE)
        ).scalar_one()
    assert "failed on it 3 times" in str(reason)
    monkeypatch.undo()
    with sessions.begin() as session:
        assert take_up_again(session, 2)
        assert not take_up_again(session, 1)
    process(sessions, a_worker(now))
    assert states(sessions) == [MailState.FILED] * 3


def test_a_worker_whose_claim_was_taken_over_leaves_nothing_behind(
    sessions: Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(sessions, now, a_mail(now))

    def slow(mail, raw, desk, when):  # type: ignore[no-untyped-def]
        with sessions.begin() as session:  # while we think, the lease ends and another claims
            later = now + timedelta(minutes=10)
            claim_next(session, now=later, owner="other", lease=timedelta(hours=1), limit=5)
        return understand(mail, raw, desk, when)

    monkeypatch.setattr("casework.processing.understand", slow)
    [processed] = process(sessions, a_worker(now, "slow"))
    assert processed.outcome is None
    assert states(sessions) == [MailState.RECEIVED]
    with sessions() as session:
        assert session.execute(select(Case)).all() == []
        assert session.execute(select(OutboxEmail)).all() == []


def test_a_stop_gives_back_what_was_not_begun(sessions: Sessions, now: datetime) -> None:
    receive(sessions, now, *(a_mail(now, sender=f"s{n}@example.org") for n in range(4)))
    begun: list[bool] = []

    def stop_after_two() -> bool:
        begun.append(True)
        return len(begun) > 3  # asked once before the claim and once before each mail

    process(sessions, replace(a_worker(now), should_stop=stop_after_two))
    assert states(sessions).count(MailState.FILED) == 2
    assert len(process(sessions, a_worker(now, "next"))) == 2


def test_two_mails_of_one_new_person_in_one_batch_make_one_correspondent_and_one_letter(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now), a_mail(now, "Hello again, may I join?", subject="More"))
    process(sessions, a_worker(now))
    with sessions() as session:
        assert len(session.execute(select(Correspondent)).all()) == 1
        assert len(session.execute(select(Case)).all()) == 2
        assert len(session.execute(select(OutboxEmail)).all()) == 1


def test_stop_is_honoured_from_that_mail_on(sessions: Sessions, now: datetime) -> None:
    receive(
        sessions,
        now,
        a_mail(now, "stop\n", subject="Re: Thank you"),
        a_mail(now, "May I join your group after all?", subject="Another matter"),
        a_mail(now, "Please stop the bus.", sender="jo@example.org"),
    )
    process(sessions, a_worker(now))
    with sessions() as session:
        to = session.execute(select(OutboxEmail.to_address)).scalars().all()
        stopped = select(CaseEvent).where(CaseEvent.what == "automatic mail stopped")
        assert to == ["jo@example.org"]
        assert len(session.execute(stopped).all()) == 1
        people = session.execute(select(Correspondent).order_by(Correspondent.id)).scalars()
        assert [each.no_automatic_mail for each in people] == [True, False]


def test_a_robots_address_becomes_nobodys_correspondent(sessions: Sessions, now: datetime) -> None:
    receive(sessions, now, a_mail(now, sender="Form <noreply@forms.example.com>"))
    process(sessions, a_worker(now))
    with sessions() as session:
        case = session.execute(select(Case)).scalar_one()
        assert case.correspondent_id is None
        assert case.please_sort
        assert session.execute(select(Correspondent)).all() == []
        assert session.execute(select(OutboxEmail)).all() == []


def test_a_delivery_report_is_noted_on_the_case_of_its_letter(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    with sessions() as session:
        message_id = session.execute(select(OutboxEmail.message_id)).scalar_one()
    report = BOUNCE.replace("{message_id}", message_id).replace("\n", "\r\n").encode()
    forged = BOUNCE.replace("{message_id}", "<guess@kith.example.org>").encode()
    receive(sessions, now, report, forged, first_uid=10)
    process(sessions, a_worker(now))
    assert states(sessions) == [MailState.FILED, MailState.FILED, MailState.SCREENED_OUT]
    with sessions() as session:
        case = session.execute(select(Case)).scalar_one()
        what = [event.what for event in case.events]
        assert what[-2:] == ["letter failed", "automatic mail stopped"]
        assert case.status == "new"
        assert len(session.execute(select(CaseMessage)).all()) == 3
        assert len(session.execute(select(OutboxEmail)).all()) == 1


def test_an_out_of_office_answer_is_noted_and_changes_nothing(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    with sessions() as session:
        message_id = session.execute(select(OutboxEmail.message_id)).scalar_one()
    away = a_mail(
        now,
        "I am away. If a child is at risk, call the duty team.",
        subject="Automatic reply: Thank you",
        Auto_Submitted="auto-replied",
        In_Reply_To=message_id,
    )
    receive(sessions, now, away, first_uid=10)
    process(sessions, a_worker(now))
    with sessions() as session:
        case = session.execute(select(Case)).scalar_one()
        assert case.events[-1].what == "automatic mail noted"
        assert case.risk_level == "none"
        assert len(session.execute(select(OutboxEmail)).all()) == 1


def test_risk_rises_with_a_second_mail_and_never_falls(sessions: Sessions, now: datetime) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    with sessions() as session:
        message_id = session.execute(select(OutboxEmail.message_id)).scalar_one()
    worse = a_mail(now, "She has taken all her tablets.", In_Reply_To=message_id)
    better = a_mail(now, "All is well today, thank you.", In_Reply_To=message_id)
    receive(sessions, now, worse, better, first_uid=10)
    process(sessions, a_worker(now))
    with sessions() as session:
        case = session.execute(select(Case)).scalar_one()
        assert case.risk_level == "now"
        raised = [event for event in case.events if event.what == "risk raised"]
        assert [event.detail for event in raised] == ["From none to now."]


def test_a_failing_risk_scan_counts_as_today(
    sessions: Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("casework.judging.scan_risk", broken)
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    with sessions() as session:
        assert session.execute(select(Case)).scalar_one().risk_level == "today"


def first_letter(sessions: Sessions) -> str:
    """Return the Message-ID of the first letter in the outbox."""
    with sessions() as session:
        return str(session.execute(select(OutboxEmail.message_id)).scalars().first())


def test_an_unsafe_address_is_remembered_and_what_has_not_left_is_taken_back(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    text = "Please don't reply to this address, he reads my email."
    receive(sessions, now, a_mail(now, text, subject="Careful"), first_uid=10)
    later = now + timedelta(days=2)
    process(sessions, a_worker(now))
    receive(sessions, later, a_mail(later, "May I join your group now?"), first_uid=20)
    process(sessions, a_worker(later))
    tell_fates(sessions)
    with sessions() as session:
        letters = session.execute(select(OutboxEmail)).scalars().all()
        assert [letter.state for letter in letters] == ["cancelled"]
        person = session.execute(select(Correspondent)).scalar_one()
        assert person.unsafe_address
        what = [event.what for event in session.execute(select(CaseEvent)).scalars()]
    assert "letter taken back" in what
    assert "automatic mail stopped" in what


def test_a_mail_that_screening_calls_forged_neither_joins_a_case_nor_stops_anything(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    with sessions() as session:
        reference = session.execute(select(Case.reference)).scalar_one()
    desk = the_desk()
    judges = replace(desk.judges, trusted_authserv_ids=frozenset({"mx.example.org"}))
    forged = a_mail(
        now,
        "STOP",
        subject=f"Re: [{reference}]",
        Authentication_Results="mx.example.org; dmarc=fail header.from=example.org",
    )
    receive(sessions, now, forged, first_uid=10)
    process(sessions, a_worker(now), replace(desk, judges=judges))
    with sessions() as session:
        case = session.execute(select(Case).where(Case.reference == reference)).scalar_one()
        assert len([m for m in case.messages if m.received_id]) == 1
        assert not session.execute(select(Correspondent)).scalar_one().no_automatic_mail
        assert len(session.execute(select(OutboxEmail)).all()) == 1


def test_danger_in_an_answer_with_an_automatic_mark_comes_to_the_top(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    text = "I have taken all my tablets and I want to die tonight. Please help my daughter."
    marked = a_mail(
        now, text, Precedence="auto_reply", In_Reply_To=first_letter(sessions), subject="Re: help"
    )
    receive(sessions, now, marked, first_uid=10)
    process(sessions, a_worker(now))
    with sessions() as session:
        levels = session.execute(select(Case.risk_level).order_by(Case.id)).scalars().all()
        assert "now" in levels
        assert len(session.execute(select(OutboxEmail)).all()) == 1


def test_a_reference_alone_lets_no_automatic_mail_onto_a_case(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    with sessions() as session:
        reference = session.execute(select(Case.reference)).scalar_one()
    forged = a_mail(
        now,
        "The court hearing is on 27 November 2026.",
        subject=f"Re: [{reference}]",
        Auto_Submitted="auto-replied",
    )
    receive(sessions, now, forged, first_uid=10)
    process(sessions, a_worker(now))
    with sessions() as session:
        case = session.execute(select(Case)).scalar_one()
        assert case.key_dates == []
        assert "automatic mail noted" not in [event.what for event in case.events]


def test_of_an_outsized_mail_a_person_is_told_to_look_whether_it_opens_a_case_or_joins_one(
    sessions: Sessions, now: datetime
) -> None:
    def beginning(uid: int, raw: bytes) -> FetchedMail:
        return FetchedMail(uid, raw, 90_000_000, now, is_whole=False)

    with sessions.begin() as session:
        store(session, "inbox", 1, [beginning(1, a_mail(now, sender="big@example.org"))], now)
    receive(sessions, now, a_mail(now), first_uid=5)
    process(sessions, a_worker(now))
    with sessions() as session:
        ids = select(OutboxEmail.message_id).where(OutboxEmail.to_address == "bron@example.org")
        message_id = session.execute(ids).scalar_one()
    answer = a_mail(now, "Here are the photos.", In_Reply_To=message_id)
    with sessions.begin() as session:
        store(session, "inbox", 1, [beginning(10, answer)], now)
    process(sessions, a_worker(now))
    with sessions() as session:
        cases = session.execute(select(Case).order_by(Case.id)).scalars().all()
        assert [case.needs_look for case in cases] == [True, True]
        for case in cases:
            assert "flagged" in [event.what for event in case.events]
            defects = [defect for message in case.messages for defect in message.defects]
            assert any("only the beginning" in defect for defect in defects)


def test_stop_told_of_in_a_story_stops_nothing(sessions: Sessions, now: datetime) -> None:
    story = "Every night he shouts and I say\nStop!\nand he does not. Can you help?"
    receive(sessions, now, a_mail(now, story), a_mail(now, f"Hello.\n{story}", subject="Again"))
    process(sessions, a_worker(now))
    with sessions() as session:
        assert not session.execute(select(Correspondent)).scalar_one().no_automatic_mail


def test_the_same_mail_by_another_way_joins_its_case_and_gets_no_second_letter(
    sessions: Sessions, now: datetime
) -> None:
    def delivered(when: datetime, hop: str) -> bytes:
        received = f"from {hop} by mx.example.org; Tue, 24 Nov 2026 23:00:00 +0000"
        return a_mail(now, Message_ID="<same@example.org>", Received=received)

    receive(sessions, now, delivered(now, "a.example.net"), delivered(now, "b.example.net"))
    process(sessions, a_worker(now))
    later = now + timedelta(hours=25)
    receive(sessions, later, delivered(later, "c.example.net"), first_uid=10)
    process(sessions, a_worker(later))
    with sessions() as session:
        case = session.execute(select(Case)).scalar_one()
        assert len([m for m in case.messages if m.received_id]) == 3
        assert len(session.execute(select(OutboxEmail)).all()) == 1


def test_spellings_of_one_mailbox_are_one_correspondent(sessions: Sessions, now: datetime) -> None:
    spellings = ["v.ictim@gmail.com", "victim+1@gmail.com", "Victim@googlemail.com"]
    receive(sessions, now, *(a_mail(now, sender=each, subject=each) for each in spellings))
    process(sessions, a_worker(now))
    with sessions() as session:
        assert len(session.execute(select(Correspondent)).all()) == 1
        assert len(session.execute(select(OutboxEmail)).all()) == 1


def test_a_race_lost_to_another_worker_is_not_held_against_the_mail(
    sessions: Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(sessions, now, a_mail(now))
    lost: list[int] = []

    def rival_first(
        drawer: Drawer, number: int, address: Address, when: datetime
    ) -> KnownCorrespondent:
        if len(lost) < 2:
            lost.append(1)
            raise IntegrityError("INSERT", {}, ValueError("a rival was quicker"))
        return add_correspondent(drawer, number, address, when)

    monkeypatch.setattr("casework.filing.add_correspondent", rival_first)
    [processed] = process(sessions, a_worker(now))
    assert processed.outcome is not None
    assert states(sessions) == [MailState.FILED]
    with sessions() as session:
        assert session.execute(select(ReceivedMail.failures)).scalar_one() == 0


def test_a_reference_that_is_taken_is_not_given_again(
    sessions: Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    with sessions() as session:
        taken = session.execute(select(Case.reference)).scalar_one()
    drawn = iter([taken, taken, "K7F3-26", *("2345-67",) * 9])
    monkeypatch.setattr("casework.filing.new_reference", lambda: next(drawn))
    receive(sessions, now, a_mail(now, sender="jo@example.org"), first_uid=10)
    process(sessions, a_worker(now))
    with sessions() as session:
        references = session.execute(select(Case.reference).order_by(Case.id)).scalars().all()
    assert references == [taken, "K7F3-26"]


def test_what_a_broken_run_left_claimed_is_taken_up_by_the_next_at_once(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now))
    with sessions.begin() as session:
        claim_next(session, now=now, owner="me", lease=timedelta(hours=1), limit=5)
    assert len(process(sessions, a_worker(now, "me"))) == 1


BOUNCE = """\
From: MAILER-DAEMON@mx.example.org
To: hello@kith.example.org
Subject: Undelivered Mail Returned to Sender
Date: Tue, 24 Nov 2026 23:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; bron@example.org
Action: failed
Status: 5.1.1

--b
Content-Type: message/rfc822

From: hello@kith.example.org
To: bron@example.org
Subject: Thank you for your email
Message-ID: {message_id}

Thank you.

--b--
"""
