"""Which mails are judged apart, and that none of them stops the others."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from casework.apart.side_room import SideRoom
from casework.models import ReceivedMail
from casework.pipeline import understand
from casework.processing import MOST_DEATHS, Worker
from config.database import Sessions, readers
from intake.inbox import MailState
from tests.casework.desks import a_mail, a_worker, process, receive

OBEY = "tests.casework.apart.dangerous_judges:obey"


@pytest.fixture(scope="module")
def the_room() -> Iterator[SideRoom]:
    room = SideRoom(judge=OBEY, seconds=30)
    yield room
    room.close()


@pytest.fixture
def worker(now: datetime, the_room: SideRoom) -> Worker:
    return replace(a_worker(now), side_room=the_room, judge_seconds=30)


def states(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return list(session.execute(select(ReceivedMail.state).order_by(ReceivedMail.id)).scalars())


def reason(sessions: Sessions, received_id: int) -> str:
    with sessions() as session:
        wanted = select(ReceivedMail.reason).where(ReceivedMail.id == received_id)
        return session.execute(wanted).scalar_one() or ""


def let_die(sessions: Sessions, received_id: int, times: int) -> None:
    """Pretend that workers died with the mail in hand."""
    with sessions.begin() as session:
        session.get_one(ReceivedMail, received_id).abandoned = times


def later(worker: Worker, minutes: int) -> Worker:
    moment = worker.now() + timedelta(minutes=minutes)
    return replace(worker, now=lambda: moment)


def ask_for(now: datetime, deed: str) -> bytes:
    return a_mail(now, subject=f"please {deed}", sender="poison@example.org")


def large(raw: bytes) -> bytes:
    return raw + b"Please may I join?\r\n" * 60_000


def hang_on(monkeypatch: pytest.MonkeyPatch, subject: bytes) -> None:
    """Let judging in this process never end for mails with this subject."""

    def endless(mail, raw, desk, now):  # type: ignore[no-untyped-def]
        while subject in raw:
            pass
        return understand(mail, raw, desk, now)

    monkeypatch.setattr("casework.processing.understand", endless)


def test_a_mail_that_takes_too_long_fails_and_the_others_go_on(
    sessions: Sessions, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = worker.now()
    receive(sessions, now, a_mail(now), ask_for(now, "leave"), a_mail(now, sender="c@example.org"))
    hang_on(monkeypatch, b"please leave")

    process(sessions, replace(worker, judge_seconds=0.2))
    assert states(sessions) == [MailState.FILED, MailState.RECEIVED, MailState.FILED]

    process(sessions, later(worker, 1))  # apart, where it kills the child
    process(sessions, later(worker, 2))
    assert states(sessions) == [MailState.FILED, MailState.SET_ASIDE, MailState.FILED]
    assert reason(sessions, 2) == (
        "Kith failed on it 3 times. The process that read it died (exit code 3). "
        "The original is kept; please look."
    )


def test_without_a_side_room_the_reason_for_setting_it_aside_is_the_time(
    sessions: Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(sessions, now, ask_for(now, "wait"))
    hang_on(monkeypatch, b"please wait")
    alone = replace(a_worker(now), judge_seconds=0.05)

    for attempt in range(3):
        process(sessions, later(alone, attempt))

    assert states(sessions) == [MailState.SET_ASIDE]
    assert "takes longer than 0.05 seconds" in reason(sessions, 1)


def test_a_mail_that_failed_before_is_judged_apart_and_may_do_better(
    sessions: Sessions, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(sessions, worker.now(), a_mail(worker.now(), subject="slow today"))
    hang_on(monkeypatch, b"slow today")

    process(sessions, replace(worker, judge_seconds=0.2))
    process(sessions, later(worker, 1))

    assert states(sessions) == [MailState.FILED]


def test_a_large_mail_is_judged_apart_in_its_turn(
    sessions: Sessions, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = worker.now()
    receive(sessions, now, large(a_mail(now, subject="heavy")), a_mail(now, sender="b@example.org"))
    hang_on(monkeypatch, b"heavy")  # it would never end in this process

    done = process(sessions, worker)

    assert [each.received_id for each in done] == [1, 2]
    assert states(sessions) == [MailState.FILED] * 2


def test_where_no_second_process_can_be_started_mails_are_judged_in_this_one(
    sessions: Sessions, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = worker.now()
    receive(sessions, now, large(a_mail(now)), a_mail(now, sender="b@example.org"))
    let_die(sessions, 2, times=1)
    monkeypatch.setattr("sys.executable", "/no/such/python")

    process(sessions, replace(worker, side_room=SideRoom()))

    assert states(sessions) == [MailState.FILED] * 2


def test_a_mail_that_killed_its_worker_is_judged_apart_and_set_aside_at_the_third_time(
    sessions: Sessions, worker: Worker
) -> None:
    now = worker.now()
    receive(sessions, now, ask_for(now, "crash"), a_mail(now, sender="b@example.org"))
    let_die(sessions, 1, times=1)

    process(sessions, worker)
    assert states(sessions) == [MailState.RECEIVED, MailState.FILED]
    process(sessions, later(worker, 1))

    assert states(sessions) == [MailState.SET_ASIDE, MailState.FILED]
    assert "failed on it 3 times. The process that read it died (signal 11)" in reason(sessions, 1)


def test_mails_that_were_in_dead_hands_come_last_and_one_at_a_time(
    sessions: Sessions, worker: Worker
) -> None:
    now = worker.now()
    receive(sessions, now, *(a_mail(now, sender=f"s{n}@example.org") for n in range(4)))
    for received_id in (1, 2):
        let_die(sessions, received_id, times=1)
    in_hand: list[int] = []

    def look() -> datetime:
        with readers(sessions)() as session:
            held = select(ReceivedMail.id).where(ReceivedMail.owner.is_not(None))
            in_hand.append(len(session.execute(held).all()))
        return now

    done = process(sessions, replace(worker, now=look))

    assert [each.received_id for each in done] == [3, 4, 1, 2]
    assert states(sessions) == [MailState.FILED] * 4
    assert max(in_hand[-4:]) == 1


def test_a_mail_with_which_worker_after_worker_dies_is_set_aside_untried(
    sessions: Sessions, worker: Worker
) -> None:
    receive(sessions, worker.now(), a_mail(worker.now()))
    let_die(sessions, 1, times=MOST_DEATHS)

    process(sessions, worker)

    assert states(sessions) == [MailState.SET_ASIDE]
    assert "5 times Kith's worker died with it in hand" in reason(sessions, 1)


def test_a_stop_while_a_mail_is_judged_apart_gives_it_back_untouched(
    sessions: Sessions, worker: Worker
) -> None:
    now = worker.now()
    receive(sessions, now, large(ask_for(now, "sleep")), a_mail(now, sender="b@example.org"))
    asked: list[bool] = []

    def stop_soon() -> bool:
        asked.append(True)
        return len(asked) > 2  # before the claim, before the mail, then while it is judged

    assert process(sessions, replace(worker, should_stop=stop_soon)) == []

    with sessions() as session:
        for mail in session.execute(select(ReceivedMail)).scalars():
            assert (mail.state, mail.owner, mail.failures) == (MailState.RECEIVED, None, 0)
