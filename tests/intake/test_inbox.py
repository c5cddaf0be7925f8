"""The ledger, on SQLite and PostgreSQL."""

from datetime import datetime, timedelta

import pytest

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
