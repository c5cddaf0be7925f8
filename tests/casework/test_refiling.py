"""Filing by hand what was screened out or set aside: nothing is beyond recall."""

import threading
from datetime import datetime

import pytest
from sqlalchemy import select, update

from casework.judging import Judged, judge
from casework.models import Case, CaseEvent, CaseMessage, Correspondent, OutboxEmail
from casework.refiling import (
    NamelessError,
    NotAtHandError,
    NotToBeRefiledError,
    judge_apart,
    refile,
)
from config.database import Sessions
from intake.inbox import RAWS, RECEIVED, MailState, ReceivedMail, count_by_state, store
from intake.mailbox import FetchedMail
from tests.casework.desks import a_mail, a_worker, process, receive, the_desk


def judge_it(raw: bytes, received_at: datetime) -> Judged:
    return judge(raw, received_at=received_at, judges=the_desk().judges, now=received_at)


def a_newsletter(now: datetime, text: str = "Five offers only this week.") -> bytes:
    return a_mail(
        now,
        text,
        sender="Shop <news@shop.example.com>",
        subject="Our newsletter",
        List_Unsubscribe="<https://shop.example.com/u>",
        Precedence="bulk",
        Feedback_ID="1:2:3:shop",
    )


def screened_out(sessions: Sessions, now: datetime, raw: bytes | None = None) -> int:
    receive(sessions, now, raw or a_newsletter(now))
    process(sessions, a_worker(now))
    return put(sessions, MailState.SCREENED_OUT, "bulk") if raw else 1


def put(sessions: Sessions, state: MailState, rule: str) -> int:
    with sessions.begin() as session:
        session.execute(update(RECEIVED).values(state=state.value, rule=rule))
    return 1


def set_aside(sessions: Sessions, now: datetime, raw: bytes) -> int:
    receive(sessions, now, raw)
    return put(sessions, MailState.SET_ASIDE, "failed")


def the_case(sessions: Sessions) -> Case:
    with sessions() as session:
        case = session.execute(select(Case)).scalar_one()
        assert case.messages
        return case


def test_a_newsletter_becomes_a_case_and_nobody_is_told(sessions: Sessions, now: datetime) -> None:
    number = screened_out(sessions, now)
    reference = refile(sessions, number, judge=judge_it, by="  Ines  Farrow ", now=now)
    with sessions() as session:
        case = session.execute(select(Case)).scalar_one()
        line = session.get(ReceivedMail, number)
        assert line is not None
        assert session.execute(select(OutboxEmail)).first() is None
        [message] = case.messages
        events = session.execute(select(CaseEvent).order_by(CaseEvent.id)).scalars().all()
    assert case.reference == reference
    assert case.please_sort
    assert (line.state, line.rule, line.owner) == ("filed", "refiled", None)
    assert line.reason == "Filed as a case by Ines Farrow."
    assert message.received_id == number
    assert events[-1].by == "Ines Farrow"
    assert events[-1].detail == "Filed by hand: it had been screened out."


def test_a_person_is_never_acknowledged_by_refiling(sessions: Sessions, now: datetime) -> None:
    number = set_aside(sessions, now, a_mail(now))
    refile(sessions, number, judge=judge_it, by="Ines", now=now)
    process(sessions, a_worker(now))
    with sessions() as session:
        assert session.execute(select(OutboxEmail)).first() is None
        assert session.execute(select(Correspondent.name)).scalar_one() == "Bron"
        [row] = session.execute(select(CaseMessage)).scalars()
    assert (row.acknowledgement or "").startswith("A person filed it by hand")


def test_who_is_known_stays_the_same_person(sessions: Sessions, now: datetime) -> None:
    receive(sessions, now, a_mail(now))
    process(sessions, a_worker(now))
    receive(sessions, now, a_mail(now, "Me again, about something else."), first_uid=2)
    with sessions.begin() as session:
        second = update(RECEIVED).where(RECEIVED.c.uid == 2)
        session.execute(second.values(state=MailState.SET_ASIDE.value))
    refile(sessions, 2, judge=judge_it, by="Ines", now=now)
    with sessions() as session:
        assert len(session.execute(select(Correspondent)).all()) == 1
        assert len(session.execute(select(Case)).all()) == 2


def test_danger_in_it_is_seen_and_held_back(sessions: Sessions, now: datetime) -> None:
    words = "He reads my email, please do not reply to this address. I am afraid of him tonight."
    number = set_aside(sessions, now, a_mail(now, words))
    refile(sessions, number, judge=judge_it, by="Ines", now=now)
    case = the_case(sessions)
    assert case.unsafe_reply
    with sessions() as session:
        assert session.execute(select(Correspondent.unsafe_address)).scalar_one()


def test_a_mail_that_breaks_the_judge_becomes_a_case_that_needs_a_look(
    sessions: Sessions, now: datetime
) -> None:
    def breaks(raw: bytes, received_at: datetime) -> Judged:
        raise RuntimeError("out of its depth")

    number = set_aside(sessions, now, a_mail(now))
    refile(sessions, number, judge=breaks, by="Ines", now=now)
    case = the_case(sessions)
    assert case.needs_look
    assert case.risk_level == "today"


def test_a_mail_that_the_server_withheld_becomes_a_case_that_needs_a_look(
    sessions: Sessions, now: datetime
) -> None:
    withheld = FetchedMail(1, b"", 900, now, is_whole=False, is_withheld=True)
    receive(sessions, now)
    with sessions.begin() as session:
        store(session, "inbox", 1, [withheld], now)
    refile(sessions, 1, judge=judge_it, by="Ines", now=now)
    assert the_case(sessions).needs_look


def test_a_mail_that_was_only_noted_cannot_be_filed(sessions: Sessions, now: datetime) -> None:
    number = screened_out(sessions, now)
    with sessions.begin() as session:
        session.execute(RAWS.delete())
    with pytest.raises(NotAtHandError, match="kith import"):
        refile(sessions, number, judge=judge_it, by="Ines", now=now)


def test_a_mail_in_a_case_in_work_or_unknown_cannot_be_filed_again(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now))
    with pytest.raises(NotToBeRefiledError):
        refile(sessions, 1, judge=judge_it, by="Ines", now=now)
    process(sessions, a_worker(now))
    for number in (1, 99):
        with pytest.raises(NotToBeRefiledError):
            refile(sessions, number, judge=judge_it, by="Ines", now=now)


@pytest.mark.parametrize("by", ["", "   ", "x" * 81, "Ines\x07"])
def test_somebody_must_answer_for_it(sessions: Sessions, now: datetime, by: str) -> None:
    with pytest.raises(NamelessError):
        refile(sessions, 1, judge=judge_it, by=by, now=now)


def test_of_two_who_file_it_at_once_one_does(sessions: Sessions, now: datetime) -> None:
    number = screened_out(sessions, now)
    refused: list[bool] = []

    def try_it() -> None:
        try:
            refile(sessions, number, judge=judge_it, by="Ines", now=now)
        except NotToBeRefiledError:
            refused.append(True)

    threads = [threading.Thread(target=try_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [True, True]
    with sessions() as session:
        assert len(session.execute(select(Case)).all()) == 1
        assert count_by_state(session)[MailState.FILED] == 1


def test_when_filing_fails_the_mail_lies_where_it_lay(
    sessions: Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = screened_out(sessions, now)
    monkeypatch.setattr("casework.refiling._tell_who", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        refile(sessions, number, judge=judge_it, by="Ines", now=now)
    with sessions() as session:
        line = session.get(ReceivedMail, number)
        assert line is not None
        assert (line.state, line.owner) == ("screened_out", None)
        assert session.execute(select(Case)).first() is None


def test_a_mail_is_judged_apart_and_one_that_takes_too_long_becomes_a_case_all_the_same(
    sessions: Sessions, now: datetime
) -> None:
    receive(sessions, now, a_mail(now), a_mail(now, "x " * 200_000))
    with sessions.begin() as session:
        session.execute(update(RECEIVED).values(state=MailState.SET_ASIDE.value))
    judges = the_desk().judges
    refile(sessions, 1, judge=judge_apart(judges, lambda: now, seconds=60), by="Ines", now=now)
    refile(sessions, 2, judge=judge_apart(judges, lambda: now, seconds=1e-4), by="Ines", now=now)
    with sessions() as session:
        looks = session.execute(select(Case.needs_look).order_by(Case.id)).scalars().all()
    assert looks == [False, True]
