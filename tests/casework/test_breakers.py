"""Breakers open once, are told once, and end by themselves or by a person."""

from datetime import datetime, timedelta
from threading import Thread

import pytest

from casework.breakers import (
    NAMES_FOR_ALL,
    SILENT_FOR,
    breaker_of_address,
    breakers_among,
    close_breaker,
    mark_told,
    notice_of_cap,
    open_breaker,
    open_breakers,
    untold_breakers,
)
from config.database import Sessions
from replies.caps import Cap

KEY = "rowan@example.com"
NAME = breaker_of_address(KEY)
HOUR = timedelta(hours=1)


def trip(
    sessions: Sessions, at: datetime, name: str = NAME, ends_at: datetime | None = None
) -> bool:
    with sessions.begin() as session:
        return open_breaker(
            session, name, key=KEY, reason="It went round.", now=at, ends_at=ends_at
        )


def is_open(sessions: Sessions, at: datetime, name: str = NAME) -> bool:
    with sessions.begin() as session:
        among = set(breakers_among(session, [name, "all:day"], at))
        assert among == {each.name for each in open_breakers(session, at)}
        return among == {name}


def test_an_open_breaker_does_not_open_again(sessions: Sessions, now: datetime) -> None:
    assert trip(sessions, now, ends_at=now + SILENT_FOR)
    assert not trip(sessions, now + HOUR, ends_at=now + HOUR + SILENT_FOR)
    assert is_open(sessions, now + SILENT_FOR - HOUR)
    assert not is_open(sessions, now + SILENT_FOR)


def test_after_its_end_it_opens_again(sessions: Sessions, now: datetime) -> None:
    trip(sessions, now, ends_at=now + SILENT_FOR)
    assert trip(sessions, now + SILENT_FOR, ends_at=now + 2 * SILENT_FOR)
    assert is_open(sessions, now + SILENT_FOR + HOUR)


def test_without_an_end_it_stays_open_until_it_is_closed(sessions: Sessions, now: datetime) -> None:
    trip(sessions, now)
    assert is_open(sessions, now + timedelta(days=400))
    assert not trip(sessions, now + timedelta(days=400))


def test_a_person_closes_it_once(sessions: Sessions, now: datetime) -> None:
    trip(sessions, now, ends_at=now + SILENT_FOR)
    with sessions.begin() as session:
        assert close_breaker(session, NAME, by="Ffion", now=now + HOUR)
        assert not close_breaker(session, NAME, by="Ffion", now=now + HOUR)
        assert not close_breaker(session, "address:none", by="Ffion", now=now + HOUR)
    assert not is_open(sessions, now + HOUR)
    assert trip(sessions, now + 2 * HOUR)


def test_people_are_told_once_each_time_it_opens(sessions: Sessions, now: datetime) -> None:
    trip(sessions, now)
    with sessions.begin() as session:
        (breaker,) = untold_breakers(session)
        assert mark_told(session, breaker, now)
        assert not mark_told(session, breaker, now)
        assert untold_breakers(session) == ()
        close_breaker(session, NAME, by="Ffion", now=now)
    trip(sessions, now + HOUR)
    with sessions.begin() as session:
        assert not mark_told(session, breaker, now)
        assert [each.opened_at for each in untold_breakers(session)] == [now + HOUR]


def test_what_has_ended_untold_is_told_all_the_same(sessions: Sessions, now: datetime) -> None:
    trip(sessions, now, ends_at=now + HOUR)
    with sessions.begin() as session:
        close_breaker(session, NAME, by="Ffion", now=now)
        assert len(untold_breakers(session)) == 1


def test_a_notice_of_a_cap_stops_nothing_but_is_told(sessions: Sessions, now: datetime) -> None:
    trip(sessions, now, name=notice_of_cap(Cap.DOMAIN, "example.com"), ends_at=now + SILENT_FOR)
    with sessions.begin() as session:
        assert open_breakers(session, now) == ()
        assert len(untold_breakers(session)) == 1


@pytest.mark.parametrize("name", [*NAMES_FOR_ALL.values(), NAME])
def test_only_two_breakers_stop_everybody(sessions: Sessions, now: datetime, name: str) -> None:
    trip(sessions, now, name=name)
    with sessions.begin() as session:
        (breaker,) = open_breakers(session, now)
    assert breaker.stops_all is (name != NAME)


def test_a_name_gives_no_address_away() -> None:
    assert "rowan" not in NAME
    assert "example" not in notice_of_cap(Cap.DOMAIN, "example.com")
    assert breaker_of_address("\ud800@example.com")


def test_two_who_open_it_at_once_open_it_once(sessions: Sessions, now: datetime) -> None:
    opened: list[bool] = []
    threads = [Thread(target=lambda: opened.append(trip(sessions, now))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(opened) == [False, False, False, True]
