"""The ledger, on SQLite and PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from config.database import Sessions
from intake.inbox import (
    PIECE_BYTES,
    ClaimLostError,
    MailState,
    Settlement,
    claim_next,
    count_by_state,
    hold,
    note_failure,
    raw_of,
    release,
    release_abandoned,
    release_own,
    settle,
    small_raws,
    store,
    twins_of,
    unknown_uids,
)
from intake.mailbox import FetchedMail

LEASE = timedelta(minutes=2)
FILED = Settlement(MailState.FILED, "personal", "personal", "A person wrote it.")


def fetched(uid: int, raw: bytes, now: datetime) -> FetchedMail:
    return FetchedMail(uid, raw, len(raw), now, is_whole=True)


def stored(sessions: Sessions, now: datetime, *raws: bytes) -> None:
    with sessions.begin() as session:
        mails = [fetched(uid, raw, now) for uid, raw in enumerate(raws, start=1)]
        assert store(session, "inbox", 7, mails, now) == len(raws)


def claimed(sessions: Sessions, now: datetime, owner: str = "me", limit: int = 10) -> list[int]:
    with sessions.begin() as session:
        mails = claim_next(session, now=now, owner=owner, lease=LEASE, limit=limit)
        return [mail.id for mail in mails]


def test_bytes_come_back_as_they_came(sessions: Sessions, now: datetime) -> None:
    raw = bytes(range(256)) * 10
    stored(sessions, now, raw)
    [mail] = claimed(sessions, now)
    with sessions() as session:
        assert raw_of(session, mail) == raw


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES + 5])
def test_mails_of_any_size_come_back_whole(sessions: Sessions, now: datetime, size: int) -> None:
    raw = (bytes(range(256)) * (size // 256 + 1))[:size]
    stored(sessions, now, b"before", raw, b"after")
    _, mail, _ = claimed(sessions, now)
    with sessions() as session:
        assert raw_of(session, mail) == raw


def test_a_uid_is_stored_once(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a", b"b")
    with sessions.begin() as session:
        mails = [fetched(2, b"b", now), fetched(3, b"c", now)]
        assert store(session, "inbox", 7, mails, now) == 1
    with sessions() as session:
        assert unknown_uids(session, "inbox", 7, [1, 2, 3, 4]) == [4]
        assert unknown_uids(session, "inbox", 8, [1, 2]) == [1, 2]  # another UIDVALIDITY
        assert unknown_uids(session, "other", 7, [1]) == [1]


def test_two_workers_never_claim_the_same_mail(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a", b"b", b"c")
    first = claimed(sessions, now, "first", limit=2)
    second = claimed(sessions, now, "second")
    assert len(first) == 2
    assert len(second) == 1
    assert not set(first) & set(second)
    assert claimed(sessions, now, "third") == []


def test_a_claim_ends_with_its_lease(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a")
    assert claimed(sessions, now, "first") == claimed(sessions, now + LEASE * 2, "second")


def test_whoever_lost_the_claim_cannot_settle(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a")
    [mail] = claimed(sessions, now, "slow")
    claimed(sessions, now + LEASE * 2, "quick")
    with pytest.raises(ClaimLostError), sessions.begin() as session:
        settle(session, mail, owner="slow", now=now, settlement=FILED)
    with sessions.begin() as session:
        settle(session, mail, owner="quick", now=now, settlement=FILED)
    with pytest.raises(ClaimLostError), sessions.begin() as session:
        settle(session, mail, owner="quick", now=now, settlement=FILED)  # and only once


def test_a_settled_mail_is_claimed_by_nobody(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a")
    [mail] = claimed(sessions, now)
    with sessions.begin() as session:
        settle(session, mail, owner="me", now=now, settlement=FILED)
    assert claimed(sessions, now + LEASE * 10) == []
    with sessions() as session:
        assert count_by_state(session) == {
            MailState.RECEIVED: 0,
            MailState.FILED: 1,
            MailState.SCREENED_OUT: 0,
            MailState.SET_ASIDE: 0,
        }


def test_a_failed_mail_waits_and_counts(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a")
    [mail] = claimed(sessions, now)
    later = now + timedelta(seconds=30)
    with sessions.begin() as session:
        assert note_failure(session, mail, owner="me", retry_at=later) == 1
    assert claimed(sessions, now) == []
    assert claimed(sessions, later + timedelta(seconds=1)) == [mail]


def test_mails_given_back_can_be_claimed_at_once(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a", b"b")
    mails = claimed(sessions, now)
    with sessions.begin() as session:
        release(session, mails, owner="somebody else")
    assert claimed(sessions, now, "other") == []
    with sessions.begin() as session:
        release(session, mails, owner="me")
    assert claimed(sessions, now, "other") == mails


def test_the_mails_of_a_dead_worker_are_freed_before_the_lease_ends(
    sessions: Sessions, now: datetime
) -> None:
    stored(sessions, now, b"a", b"b")
    claimed(sessions, now, "dead", limit=1)
    claimed(sessions, now, "alive", limit=1)
    with sessions.begin() as session:
        assert release_abandoned(session, is_gone=lambda owner: owner == "dead") == 1
    assert len(claimed(sessions, now, "third")) == 1


def test_the_very_same_bytes_are_recognised(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"same", b"other", b"same", b"same")
    with sessions.begin() as session:
        first, other, again, last = claim_next(session, now=now, owner="me", lease=LEASE, limit=9)
        found = twins_of(session, [first, other, again, last])
    assert found == {again.id: first.id, last.id: first.id}


def test_many_mails_are_read_in_one_question_and_large_ones_by_themselves(
    sessions: Sessions, now: datetime
) -> None:
    large = b"x" * (PIECE_BYTES + 1)
    stored(sessions, now, b"a", large, b"")
    a, big, empty = claimed(sessions, now)
    with sessions() as session:
        assert small_raws(session, [a, big, empty]) == {a: b"a", empty: b""}
        assert raw_of(session, big) == large


def test_claims_are_held_all_or_none(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a", b"b")
    mails = claimed(sessions, now, "me")
    with sessions.begin() as session:
        hold(session, mails, owner="me")
    with pytest.raises(ClaimLostError), sessions.begin() as session:
        hold(session, mails, owner="somebody else")
    with sessions.begin() as session:
        settle(session, mails[0], owner="me", now=now, settlement=FILED)
    with pytest.raises(ClaimLostError, match=str(mails[0])), sessions.begin() as session:
        hold(session, mails, owner="me")


def test_a_worker_frees_what_it_holds_and_nothing_else(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a", b"b", b"c", b"d")
    mine = claimed(sessions, now, "me", limit=3)
    claimed(sessions, now, "another", limit=1)
    later = now + timedelta(seconds=30)
    with sessions.begin() as session:
        settle(session, mine[0], owner="me", now=now, settlement=FILED)
        note_failure(session, mine[1], owner="me", retry_at=later)
        assert release_own(session, owner="me") == 1
        assert release_own(session, owner="me") == 0
    assert claimed(sessions, now, "third") == [mine[2]]  # and the failed one waits as before


# Locks: SQLite has one writer at a time and needs none.

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
# Whoever waits fails.
NEVER_WAIT = text("SET LOCAL lock_timeout = '500ms'")
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@on_postgresql
def test_two_open_transactions_claim_different_mails_and_neither_waits(
    sessions: Sessions, now: datetime
) -> None:
    stored(sessions, now, b"a", b"b", b"c")

    with sessions.begin() as first, ThreadPoolExecutor(1) as pool:
        mails = claim_next(first, now=now, owner="first", lease=LEASE, limit=2)
        rest = pool.submit(claimed_without_waiting, sessions, now).result()
    assert len(mails) == 2
    assert len(rest) == 1
    assert not {mail.id for mail in mails} & set(rest)


@on_postgresql
def test_a_mail_that_is_held_is_claimed_by_nobody_though_its_lease_ended(
    sessions: Sessions, now: datetime
) -> None:
    stored(sessions, now, b"a", b"b")
    mails = claimed(sessions, now, "slow")
    with sessions.begin() as slow:
        hold(slow, mails[:1], owner="slow")
        with ThreadPoolExecutor(1) as pool:
            others = pool.submit(claimed_without_waiting, sessions, now + LEASE * 2).result()
        assert others == mails[1:]
        settle(slow, mails[0], owner="slow", now=now, settlement=FILED)


@on_postgresql
def test_a_second_hold_waits_until_the_first_has_settled_and_is_then_refused(
    sessions: Sessions, now: datetime
) -> None:
    stored(sessions, now, b"a")
    mails = claimed(sessions, now)

    def hold_too(session: Session) -> None:
        hold(session, mails, owner="me")

    with ThreadPoolExecutor(1) as pool, sessions() as first:
        hold(first, mails, owner="me")
        second = pool.submit(in_a_transaction, sessions, hold_too)
        assert waits(sessions, second)
        settle(first, mails[0], owner="me", now=now, settlement=FILED)
        first.commit()
        with pytest.raises(ClaimLostError):
            second.result()


@on_postgresql
def test_nobody_takes_away_a_claim_that_is_held(sessions: Sessions, now: datetime) -> None:
    stored(sessions, now, b"a")
    mails = claimed(sessions, now)

    def take_away(session: Session) -> None:
        session.execute(NEVER_WAIT)
        release_abandoned(session, is_gone=lambda _: True)

    with sessions.begin() as first:
        hold(first, mails, owner="me")
        with pytest.raises(OperationalError, match="lock timeout"):
            in_a_transaction(sessions, take_away)


def claimed_without_waiting(sessions: Sessions, now: datetime) -> list[int]:
    with sessions.begin() as session:
        session.execute(NEVER_WAIT)
        mails = claim_next(session, now=now, owner="another", lease=LEASE, limit=10)
        return [mail.id for mail in mails]


def in_a_transaction(sessions: Sessions, act: Callable[[Session], None]) -> None:
    with sessions.begin() as session:
        act(session)


def waits(sessions: Sessions, work: Future[None]) -> bool:
    """Return True once somebody waits for a lock, False if the work ends without."""
    with sessions() as session:
        while not work.done():
            if session.execute(WAITING).scalar():
                return True
    return False
