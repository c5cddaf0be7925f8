"""Which failures stop automatic mail to an address, and how it starts again."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from config.database import Sessions
from replies.outbox import LetterState, OutboxEmail, enqueue
from replies.outgoing import Purpose, new_message_id
from replies.suspension import (
    COMPLAINT,
    UNREACHABLE,
    failures_known_of,
    lift_suspension,
    note_failed_delivery,
    suspend,
    suspended_addresses,
    suspended_among,
)
from tests.replies.letters import make_email

KEY = "rowan@example.com"


def a_letter(sessions: Sessions, now: datetime, *, automatic: bool = True) -> int:
    purpose = Purpose.ACKNOWLEDGEMENT if automatic else Purpose.REPLY
    email = make_email(
        to_address=KEY,
        message_id=new_message_id("hazelrow.example.org"),
        automatic=automatic,
        purpose=purpose,
    )
    with sessions.begin() as session:
        return enqueue(session, email, received_id=None, draft=False, now=now)


def fail(
    sessions: Sessions,
    letter: int,
    at: datetime,
    *,
    permanent: bool = False,
    soft_failures: int = 3,
) -> bool:
    with sessions.begin() as session:
        return note_failed_delivery(
            session,
            to_key=KEY,
            letter_id=letter,
            status="5.1.1" if permanent else "4.2.2",
            permanent=permanent,
            now=at,
            soft_failures_per_week=soft_failures,
        )


def is_suspended(sessions: Sessions) -> bool:
    with sessions.begin() as session:
        return suspended_among(session, [KEY, "sam@example.com"]) == {KEY}


def lift(sessions: Sessions, at: datetime) -> bool:
    with sessions.begin() as session:
        return lift_suspension(session, KEY, by="Ffion", now=at)


def test_a_failure_for_good_suspends_at_once(sessions: Sessions, now: datetime) -> None:
    assert fail(sessions, a_letter(sessions, now), now, permanent=True)
    assert is_suspended(sessions)
    assert not fail(sessions, a_letter(sessions, now), now, permanent=True)
    with sessions.begin() as session:
        (found,) = suspended_addresses(session)
    assert (found.key, found.reason, found.since) == (KEY, UNREACHABLE, now)


def test_failures_for_now_suspend_at_the_third_letter_in_a_week(
    sessions: Sessions, now: datetime
) -> None:
    letters = [a_letter(sessions, now) for _ in range(3)]
    assert not fail(sessions, letters[0], now)
    assert not fail(sessions, letters[1], now + timedelta(days=3))
    assert not is_suspended(sessions)
    assert fail(sessions, letters[2], now + timedelta(days=6, hours=23))
    assert is_suspended(sessions)


def test_failures_for_now_are_forgotten_after_a_week(sessions: Sessions, now: datetime) -> None:
    for day in (0, 4, 8, 12, 16):
        assert not fail(sessions, a_letter(sessions, now), now + timedelta(days=day))
    assert not is_suspended(sessions)


def test_many_reports_on_one_letter_are_one_failure(sessions: Sessions, now: datetime) -> None:
    letter = a_letter(sessions, now)
    for _ in range(5):
        assert not fail(sessions, letter, now)
    assert not is_suspended(sessions)
    with sessions.begin() as session:
        assert failures_known_of(session, [letter, letter + 1]) == {letter}


def test_without_a_cap_failures_for_now_never_suspend(sessions: Sessions, now: datetime) -> None:
    for _ in range(5):
        assert not fail(sessions, a_letter(sessions, now), now, soft_failures=0)


def test_a_person_lifts_it_and_old_failures_count_no_more(
    sessions: Sessions, now: datetime
) -> None:
    for _ in range(3):
        fail(sessions, a_letter(sessions, now), now)
    later = now + timedelta(days=1)
    assert lift(sessions, later)
    assert not lift(sessions, later)
    assert not is_suspended(sessions)
    assert not fail(sessions, a_letter(sessions, now), later + timedelta(hours=1))
    assert not is_suspended(sessions)


def test_a_lifted_address_is_suspended_again_when_letters_fail_again(
    sessions: Sessions, now: datetime
) -> None:
    fail(sessions, a_letter(sessions, now), now, permanent=True)
    lift(sessions, now)
    later = now + timedelta(days=30)
    assert fail(sessions, a_letter(sessions, now), later, permanent=True)
    with sessions.begin() as session:
        assert [each.since for each in suspended_addresses(session)] == [later]


@pytest.mark.parametrize(("automatic", "state"), [(True, "cancelled"), (False, "queued")])
def test_what_has_not_left_is_taken_back_but_not_what_people_wrote(
    sessions: Sessions, now: datetime, automatic: bool, state: str
) -> None:
    letter = a_letter(sessions, now, automatic=automatic)
    with sessions.begin() as session:
        assert suspend(session, KEY, reason=COMPLAINT, now=now)
        assert not suspend(session, KEY, reason=COMPLAINT, now=now)
    with sessions.begin() as session:
        found = session.execute(select(OutboxEmail.state).where(OutboxEmail.id == letter))
        assert LetterState(found.scalar_one()) == state


def test_nobody_is_asked_for_when_there_is_nobody(sessions: Sessions) -> None:
    with sessions.begin() as session:
        assert suspended_among(session, []) == frozenset()
        assert failures_known_of(session, []) == frozenset()
