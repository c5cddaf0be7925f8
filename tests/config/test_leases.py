"""Leases: one owner at a time, by the database's clock, on SQLite and PostgreSQL."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text, update

from config.database import Sessions
from config.leases import (
    LEASES,
    Lease,
    LeaseLostError,
    database_seconds,
    give_up_lease,
    keep_lease,
    take_lease,
)


def taken(sessions: Sessions, owner: str, seconds: float = 60, name: str = "poll") -> Lease | None:
    with sessions.begin() as session:
        return take_lease(session, name, owner=owner, seconds=seconds)


def let_it_end(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(update(LEASES).values(until=database_seconds() - 1))


def test_the_clock_is_that_of_the_database_and_tells_seconds_since_1970(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        told = session.execute(select(database_seconds())).scalar_one()
    assert told == pytest.approx(time.time(), abs=5)


def test_only_one_has_the_lease(sessions: Sessions) -> None:
    assert taken(sessions, "first") == Lease("poll", "first", 1)
    assert taken(sessions, "second") is None
    assert taken(sessions, "second", name="other") == Lease("other", "second", 1)


def test_a_live_owner_keeps_its_epoch(sessions: Sessions) -> None:
    assert taken(sessions, "first") == taken(sessions, "first")


def test_an_ended_lease_goes_to_another_with_a_higher_epoch(sessions: Sessions) -> None:
    taken(sessions, "first")
    let_it_end(sessions)
    assert taken(sessions, "second") == Lease("poll", "second", 2)
    let_it_end(sessions)
    assert taken(sessions, "second") == Lease("poll", "second", 3)


def test_a_former_owner_stores_nothing_any_more(sessions: Sessions) -> None:
    mine = taken(sessions, "slow")
    assert mine is not None
    let_it_end(sessions)
    taken(sessions, "quick")
    with pytest.raises(LeaseLostError, match="took over 'poll'"), sessions.begin() as session:
        keep_lease(session, mine, 60)
    with sessions.begin() as session:
        give_up_lease(session, mine)  # and it cannot give away what is another's
    assert taken(sessions, "third") is None


def test_a_lease_that_ended_but_nobody_took_is_still_ours(sessions: Sessions) -> None:
    mine = taken(sessions, "slow")
    assert mine is not None
    let_it_end(sessions)
    with sessions.begin() as session:
        keep_lease(session, mine, 60)
    assert taken(sessions, "second") is None


def test_what_is_given_up_can_be_had_at_once_and_the_epoch_rises(sessions: Sessions) -> None:
    mine = taken(sessions, "first")
    assert mine is not None
    with sessions.begin() as session:
        give_up_lease(session, mine)
    assert taken(sessions, "second") == Lease("poll", "second", 2)


def test_the_lease_of_a_dead_process_is_taken_over_before_it_ends(sessions: Sessions) -> None:
    taken(sessions, "dead")

    def take(owner: str) -> Lease | None:
        with sessions.begin() as session:
            return take_lease(
                session, "poll", owner=owner, seconds=60, is_gone=lambda who: who == "dead"
            )

    assert take("heir") == Lease("poll", "heir", 2)
    assert take("another") is None


def test_a_transaction_that_fails_takes_nothing(sessions: Sessions) -> None:
    with sessions() as session:
        assert take_lease(session, "poll", owner="first", seconds=60)
        session.rollback()
    assert taken(sessions, "second") == Lease("poll", "second", 1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nobody_takes_over_while_the_owner_stores_though_the_lease_ended(
    sessions: Sessions,
) -> None:
    mine = taken(sessions, "owner")
    assert mine is not None
    let_it_end(sessions)
    with ThreadPoolExecutor(1) as pool:
        with sessions.begin() as session:
            keep_lease(session, mine, 60)
            rival = pool.submit(taken, sessions, "rival")
            while not waits_for_a_lock(sessions):
                assert not rival.done()
        assert rival.result() is None


def waits_for_a_lock(sessions: Sessions) -> bool:
    with sessions() as session:
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(session.execute(waiting).scalar())


def test_in_a_race_there_is_one_owner_at_any_time(sessions: Sessions) -> None:
    """Owners that live a moment only: each counts up a number that it alone may touch."""
    inside, overlaps, epochs = [0], [0], list[int]()
    guard, start = threading.Lock(), threading.Barrier(6)

    def live(owner: str) -> None:
        start.wait()
        for _ in range(12):
            lease = taken(sessions, owner)
            if lease is None:
                continue
            with guard:
                inside[0] += 1
                overlaps[0] += inside[0] > 1
                epochs.append(lease.epoch)
            with sessions.begin() as session:
                keep_lease(session, lease, 60)
            with guard:
                inside[0] -= 1
            with sessions.begin() as session:
                give_up_lease(session, lease)

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(live, f"owner-{n}") for n in range(6)]:
            future.result()
    assert overlaps == [0]
    assert epochs
    assert epochs == sorted(set(epochs))  # each ownership has an epoch of its own, and they rise
