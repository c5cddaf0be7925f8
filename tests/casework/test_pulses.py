"""Signs of life, on both databases."""

from datetime import datetime, timedelta

from casework.pulses import ALARM, Heart, all_pulses, beat, poll_pulse, pulse_of
from config.database import Sessions


def test_a_failure_keeps_the_moment_of_the_last_success(sessions: Sessions, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    with sessions.begin() as session:
        beat(session, "deliver", now)
        beat(session, "deliver", later, problem="The mail server could not be reached.")
    with sessions() as session:
        pulse = pulse_of(session, "deliver")
    assert pulse is not None
    assert (pulse.tried_at, pulse.well_at) == (later, now)
    assert pulse.problem == "The mail server could not be reached."
    assert not pulse.is_well


def test_a_success_ends_the_problem_and_details_stay_until_they_are_replaced(
    sessions: Sessions, now: datetime
) -> None:
    with sessions.begin() as session:
        beat(session, "canary", now, problem="Not back.", detail={"sent": 1})
        beat(session, "canary", now + timedelta(minutes=1))
    with sessions() as session:
        pulse = pulse_of(session, "canary")
    assert pulse is not None
    assert pulse.is_well
    assert pulse.well_at == now + timedelta(minutes=1)
    assert pulse.detail == {"sent": 1}
    with sessions.begin() as session:
        beat(session, "canary", now, detail={})
    with sessions() as session:
        pulse = pulse_of(session, "canary")
    assert pulse is not None
    assert pulse.detail == {}


def test_what_was_never_tried_has_no_pulse_and_never_well_is_told_apart(
    sessions: Sessions, now: datetime
) -> None:
    with sessions.begin() as session:
        assert pulse_of(session, "deliver") is None
        beat(session, poll_pulse("inbox"), now, problem="No.")
    with sessions() as session:
        pulses = all_pulses(session)
    assert list(pulses) == ["poll inbox"]
    assert pulses["poll inbox"].well_at is None


def test_a_mailbox_with_an_endless_name_is_watched_all_the_same(
    sessions: Sessions, now: datetime
) -> None:
    name = poll_pulse("x" * 1000)
    with sessions.begin() as session:
        beat(session, name, now)
        assert pulse_of(session, name) is not None


def test_a_heart_writes_what_is_news_and_otherwise_once_a_minute(
    sessions: Sessions, now: datetime
) -> None:
    heart = Heart(sessions)
    beats = [
        (0, None, True),
        (1, None, False),
        (2, "Down.", True),
        (3, "Down.", False),
        (4, None, True),
        (63, None, False),
        (64, None, True),
    ]
    for seconds, problem, is_written in beats:
        at = now + timedelta(seconds=seconds)
        assert heart.beat("deliver", at, problem=problem) is is_written
    with sessions() as session:
        pulse = pulse_of(session, "deliver")
    assert pulse is not None
    assert pulse.well_at == now + timedelta(seconds=64)


def test_the_book_of_alarms_is_no_sign_of_life(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        beat(session, f"{ALARM}canary", now)
        assert all_pulses(session) == {}


def test_a_clock_that_was_set_back_does_not_silence_a_heart(
    sessions: Sessions, now: datetime
) -> None:
    heart = Heart(sessions)
    assert heart.beat("deliver", now)
    assert not heart.beat("deliver", now + timedelta(seconds=1))
    assert heart.beat("deliver", now - timedelta(days=400))
