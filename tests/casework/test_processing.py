"""Working through the received mails: one bad mail harms no other, and nothing is lost."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from casework.models import Case, CaseEvent, CaseMessage, Correspondent, OutboxEmail, ReceivedMail
from casework.pipeline import understand
from config.database import Sessions
from intake.inbox import MailState, claim_next, take_up_again
from replies.acknowledgement import compose_acknowledgement
from tests.casework.desks import a_mail, a_worker, process, receive


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
        assert what[-1] == "letter failed"
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
