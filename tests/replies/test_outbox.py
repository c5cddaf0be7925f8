from datetime import datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import select

from config.database import Sessions
from intake.inbox import store
from intake.mailbox import FetchedMail
from replies.outbox import (
    AlreadyQueuedError,
    LetterState,
    OutboxEmail,
    acknowledgements_since,
    cancel_automatic,
    claim_due,
    defer,
    enqueue,
    find_by_message_ids,
    mark_failed,
    mark_sending,
    mark_sent,
    mark_unknown,
    release,
    settle_abandoned,
)
from replies.outgoing import Purpose, new_message_id
from tests.replies.letters import make_email

LEASE = timedelta(minutes=2)


@pytest.fixture
def received(sessions: Sessions, now: datetime) -> int:
    raw = b"Subject: hello\r\n\r\n"
    mail = FetchedMail(uid=1, raw=raw, size=len(raw), internal_date=now, is_whole=True)
    with sessions.begin() as session:
        store(session, "desk@example.org INBOX", 1, [mail], now)
    return 1


def put(
    sessions: Sessions,
    now: datetime,
    *,
    to: str = "rowan@example.com",
    received_id: int | None = None,
    draft: bool = False,
    purpose: Purpose = Purpose.ACKNOWLEDGEMENT,
    automatic: bool = True,
) -> int:
    email = make_email(
        to_address=to,
        purpose=purpose,
        automatic=automatic,
        message_id=new_message_id("hazelrow.example.org"),
    )
    with sessions.begin() as session:
        return enqueue(session, email, received_id=received_id, draft=draft, now=now)


def claim(sessions: Sessions, now: datetime, owner: str = "me", limit: int = 10) -> list[int]:
    with sessions.begin() as session:
        claimed = claim_due(session, now=now, owner=owner, lease=LEASE, limit=limit)
    return [letter.id for letter in claimed]


def begin(sessions: Sessions, letter: int, now: datetime, owner: str = "me") -> bool:
    with sessions.begin() as session:
        return mark_sending(session, letter, owner=owner, now=now, lease=LEASE)


def row(sessions: Sessions, letter: int) -> OutboxEmail:
    with sessions.begin() as session:
        return session.execute(select(OutboxEmail).where(OutboxEmail.id == letter)).scalar_one()


def state(sessions: Sessions, letter: int) -> str:
    return row(sessions, letter).state


def test_a_letter_comes_out_as_it_was_put_in(sessions: Sessions, now: datetime) -> None:
    email = make_email(
        to_address="Rowan@Example.com",
        body="Croeso £5 \U0001f49b\n",
        references=("<a@example.com>", "<b@example.com>"),
        purpose=Purpose.REPLY,
        automatic=False,
    )
    with sessions.begin() as session:
        letter = enqueue(session, email, received_id=None, draft=False, now=now)
        (claimed,) = claim_due(session, now=now, owner="me", lease=LEASE, limit=5)
    assert claimed.id == letter
    assert claimed.email == email
    assert claimed.attempts == 0
    assert row(sessions, letter).to_key == "rowan@example.com"


def test_one_mail_has_one_letter_of_a_purpose(
    sessions: Sessions, now: datetime, received: int
) -> None:
    put(sessions, now, received_id=received)
    with pytest.raises(AlreadyQueuedError, match="in the outbox already"):
        put(sessions, now, received_id=received)
    put(sessions, now, received_id=received, purpose=Purpose.NOTICE)
    put(sessions, now)
    put(sessions, now)


def test_what_is_put_in_by_a_transaction_that_fails_is_not_there(
    sessions: Sessions, now: datetime
) -> None:
    def file_and_fail() -> None:
        with sessions.begin() as session:
            enqueue(session, make_email(), received_id=None, draft=False, now=now)
            raise RuntimeError("the filing failed")

    with pytest.raises(RuntimeError):
        file_and_fail()
    assert claim(sessions, now) == []


def test_a_draft_is_never_sent(sessions: Sessions, now: datetime) -> None:
    letter = put(sessions, now, draft=True)
    assert claim(sessions, now + timedelta(days=365)) == []
    assert state(sessions, letter) == LetterState.DRAFT


def test_letters_are_claimed_when_due_and_the_longest_due_first(
    sessions: Sessions, now: datetime
) -> None:
    late = put(sessions, now + timedelta(minutes=2))
    early = put(sessions, now)
    middle = put(sessions, now + timedelta(minutes=1))
    assert claim(sessions, now - timedelta(seconds=1)) == []
    assert claim(sessions, now + timedelta(minutes=9), limit=2) == [early, middle]
    assert claim(sessions, now + timedelta(minutes=9)) == [late]


def test_a_claimed_letter_is_nobody_else_s(sessions: Sessions, now: datetime) -> None:
    letter = put(sessions, now)
    assert claim(sessions, now, "one") == [letter]
    assert claim(sessions, now + timedelta(days=1), "two") == []
    assert not begin(sessions, letter, now, "two")
    assert begin(sessions, letter, now, "one")


def test_workers_racing_for_the_queue_never_share_a_letter(
    sessions: Sessions, now: datetime
) -> None:
    letters = [put(sessions, now) for _ in range(40)]
    taken: dict[str, list[int]] = {name: [] for name in ("a", "b", "c", "d")}

    def work(owner: str) -> None:
        while batch := claim(sessions, now, owner, limit=3):
            taken[owner] += batch

    threads = [Thread(target=work, args=(owner,)) for owner in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(letter for batch in taken.values() for letter in batch) == letters


def test_a_letter_is_sending_only_while_its_lease_has_time(
    sessions: Sessions, now: datetime
) -> None:
    letter = put(sessions, now)
    claim(sessions, now)
    assert not begin(sessions, letter, now + LEASE)
    assert begin(sessions, letter, now + LEASE - timedelta(seconds=1))
    assert not begin(sessions, letter, now)
    found = row(sessions, letter)
    assert (found.state, found.attempts) == (LetterState.SENDING, 1)
    assert found.lease_until == now + LEASE - timedelta(seconds=1) + LEASE


def test_a_sent_letter_keeps_the_server_s_answer(sessions: Sessions, now: datetime) -> None:
    letter = put(sessions, now)
    claim(sessions, now)
    begin(sessions, letter, now)
    later = now + timedelta(seconds=3)
    with sessions.begin() as session:
        assert not mark_sent(session, letter, owner="other", now=later, reply="250 OK")
        assert mark_sent(session, letter, owner="me", now=later, reply="250 OK")
        assert not mark_failed(session, letter, owner="me", now=later, error="no")
        assert not mark_unknown(session, letter, owner="me", now=later, error="no")
    found = row(sessions, letter)
    assert (found.state, found.smtp_reply) == (LetterState.SENT, "250 OK")
    assert found.sent_at == found.settled_at == later
    assert found.lease_until is None


def test_a_letter_that_was_not_begun_cannot_be_settled(sessions: Sessions, now: datetime) -> None:
    letter = put(sessions, now)
    claim(sessions, now)
    with sessions.begin() as session:
        assert not mark_sent(session, letter, owner="me", now=now, reply="250 OK")
        assert not defer(session, letter, owner="me", due_at=now, error="no")
    assert state(sessions, letter) == LetterState.CLAIMED


def test_a_failed_letter_says_why(sessions: Sessions, now: datetime) -> None:
    letter = put(sessions, now)
    claim(sessions, now)
    begin(sessions, letter, now)
    with sessions.begin() as session:
        assert mark_failed(session, letter, owner="me", now=now, error="Refused.", reply="550 No")
    found = row(sessions, letter)
    assert (found.state, found.last_error, found.smtp_reply) == (
        LetterState.FAILED,
        "Refused.",
        "550 No",
    )
    assert found.sent_at is None
    assert claim(sessions, now + timedelta(days=30)) == []


def test_a_deferred_letter_comes_back_when_it_is_due(sessions: Sessions, now: datetime) -> None:
    letter = put(sessions, now)
    claim(sessions, now)
    begin(sessions, letter, now)
    due = now + timedelta(minutes=5)
    with sessions.begin() as session:
        assert defer(session, letter, owner="me", due_at=due, error="Busy.", reply="451 Busy")
    assert claim(sessions, due - timedelta(seconds=1)) == []
    assert claim(sessions, due) == [letter]
    assert row(sessions, letter).attempts == 1


def test_an_attempt_that_says_nothing_about_the_letter_is_not_charged_to_it(
    sessions: Sessions, now: datetime
) -> None:
    letter = put(sessions, now)
    claim(sessions, now)
    begin(sessions, letter, now)
    with sessions.begin() as session:
        assert defer(session, letter, owner="me", due_at=now, error="Away.", is_charged=False)
    assert row(sessions, letter).attempts == 0


def test_released_letters_go_back_at_once(sessions: Sessions, now: datetime) -> None:
    begun, other = put(sessions, now), put(sessions, now)
    claim(sessions, now)
    begin(sessions, begun, now)
    with sessions.begin() as session:
        release(session, [begun, other], owner="nobody")
        release(session, [begun, other], owner="me")
    assert state(sessions, begun) == LetterState.SENDING
    assert claim(sessions, now, "two") == [other]


def take_back(sessions: Sessions, now: datetime, key: str = "rowan@example.com") -> tuple[int, ...]:
    with sessions.begin() as session:
        return cancel_automatic(session, key, now=now, reason="It is not safe to write there.")


def test_automatic_letters_to_an_address_are_taken_back_unless_they_have_begun_to_leave(
    sessions: Sessions, now: datetime
) -> None:
    sending, claimed = put(sessions, now, to="Rowan@Example.com"), put(sessions, now)
    claim(sessions, now)
    begin(sessions, sending, now)
    queued, draft = put(sessions, now, purpose=Purpose.NOTICE), put(sessions, now, draft=True)
    elsewhere, by_hand = (
        put(sessions, now, to="p1@example.com"),
        put(sessions, now, automatic=False),
    )
    assert take_back(sessions, now) == (claimed, queued, draft)
    assert take_back(sessions, now) == ()
    for letter in (claimed, queued, draft):
        found = row(sessions, letter)
        assert (found.state, found.settled_at) == (LetterState.CANCELLED, now)
        assert found.last_error == "It is not safe to write there."
        assert (found.owner, found.lease_until) == (None, None)
    assert state(sessions, sending) == LetterState.SENDING
    assert claim(sessions, now, "two") == [elsewhere, by_hand]


def test_a_claimed_letter_that_was_taken_back_never_leaves(
    sessions: Sessions, now: datetime
) -> None:
    letter = put(sessions, now)
    claim(sessions, now)
    assert take_back(sessions, now) == (letter,)
    assert not begin(sessions, letter, now)
    with sessions.begin() as session:
        release(session, [letter], owner="me")
        settle_abandoned(session, now=now + LEASE, is_gone=lambda _owner: True)
    assert state(sessions, letter) == LetterState.CANCELLED
    assert claim(sessions, now + timedelta(days=9)) == []


def test_a_letter_that_is_leaving_while_it_is_taken_back_gets_no_second_try(
    sessions: Sessions, now: datetime
) -> None:
    letter = put(sessions, now)
    claim(sessions, now)
    begin(sessions, letter, now)
    assert take_back(sessions, now) == ()
    with sessions.begin() as session:
        assert defer(session, letter, owner="me", due_at=now, error="Busy.", reply="451 Busy")
    found = row(sessions, letter)
    assert (found.state, found.settled_at) == (LetterState.CANCELLED, now)
    assert (found.last_error, found.smtp_reply) == ("It is not safe to write there.", "451 Busy")
    assert claim(sessions, now + timedelta(days=9)) == []


def test_a_letter_that_has_left_while_it_is_taken_back_is_sent(
    sessions: Sessions, now: datetime
) -> None:
    letter = put(sessions, now)
    claim(sessions, now)
    begin(sessions, letter, now)
    take_back(sessions, now)
    later = now + timedelta(seconds=3)
    with sessions.begin() as session:
        assert mark_sent(session, letter, owner="me", now=later, reply="250 OK")
    found = row(sessions, letter)
    assert (found.state, found.settled_at, found.last_error) == (LetterState.SENT, later, None)


@pytest.mark.parametrize("automatic", [True, False])
def test_the_letters_of_a_dead_worker_are_queued_again_or_unknown_never_sent_again(
    sessions: Sessions, now: datetime, automatic: bool
) -> None:
    email = make_email(automatic=automatic)
    with sessions.begin() as session:
        sending = enqueue(session, email, received_id=None, draft=False, now=now)
    claimed = put(sessions, now)
    claim(sessions, now, "dead")
    begin(sessions, sending, now, "dead")
    with sessions.begin() as session:
        kept = settle_abandoned(session, now=now, is_gone=lambda owner: owner == "other")
    assert (kept.requeued, kept.unknown) == (0, 0)
    with sessions.begin() as session:
        settled = settle_abandoned(session, now=now, is_gone=lambda owner: owner == "dead")
    assert (settled.requeued, settled.unknown) == (1, 1)
    assert state(sessions, sending) == LetterState.UNKNOWN
    assert row(sessions, sending).settled_at == now
    assert claim(sessions, now + timedelta(days=9)) == [claimed]


def test_letters_whose_lease_has_ended_are_abandoned_too(sessions: Sessions, now: datetime) -> None:
    sending, claimed = put(sessions, now), put(sessions, now)
    claim(sessions, now)
    begin(sessions, sending, now)
    with sessions.begin() as session:
        settle_abandoned(session, now=now + LEASE, is_gone=lambda _owner: False)
    assert state(sessions, sending) == LetterState.UNKNOWN
    assert state(sessions, claimed) == LetterState.QUEUED


def test_a_slow_worker_that_comes_back_tells_the_truth(sessions: Sessions, now: datetime) -> None:
    sent, put_off = put(sessions, now), put(sessions, now)
    claim(sessions, now)
    begin(sessions, sent, now)
    begin(sessions, put_off, now)
    with sessions.begin() as session:
        settle_abandoned(session, now=now + LEASE, is_gone=lambda _owner: False)
        assert mark_sent(session, sent, owner="me", now=now, reply="250 OK")
        assert not defer(session, put_off, owner="me", due_at=now, error="Busy.")
    assert state(sessions, sent) == LetterState.SENT
    assert state(sessions, put_off) == LetterState.UNKNOWN


def test_the_truth_about_a_letter_of_unknown_fate_is_dated_when_it_was_known(
    sessions: Sessions, now: datetime
) -> None:
    sent, failed = put(sessions, now), put(sessions, now)
    claim(sessions, now)
    begin(sessions, sent, now)
    begin(sessions, failed, now)
    with sessions.begin() as session:
        settle_abandoned(session, now=now + LEASE, is_gone=lambda _owner: False)
    assert row(sessions, sent).settled_at == now + LEASE
    known = now + LEASE + timedelta(seconds=9)
    with sessions.begin() as session:
        assert mark_sent(session, sent, owner="me", now=known, reply="250 OK")
        assert mark_failed(session, failed, owner="me", now=known, error="Refused.")
    assert (row(sessions, sent).settled_at, row(sessions, sent).sent_at) == (known, known)
    assert (row(sessions, failed).settled_at, row(sessions, failed).sent_at) == (known, None)
    assert row(sessions, sent).last_error is None


def test_acknowledgements_are_counted_with_those_on_their_way(
    sessions: Sessions, now: datetime
) -> None:
    def count(key: str) -> int:
        with sessions.begin() as session:
            return acknowledgements_since(session, key, now - timedelta(days=1))

    assert count("rowan@example.com") == 0
    put(sessions, now - timedelta(hours=3), to="Rowan@Example.com")
    put(sessions, now, purpose=Purpose.REPLY)
    assert count("rowan@example.com") == 1
    put(sessions, now, draft=True)
    assert count("rowan@example.com") == 2
    put(sessions, now - timedelta(days=1), to="old@example.com")
    assert count("old@example.com") == 0


def test_a_cancelled_or_failed_acknowledgement_does_not_count(
    sessions: Sessions, now: datetime
) -> None:
    put(sessions, now)
    take_back(sessions, now)
    failed = put(sessions, now)
    claim(sessions, now)
    begin(sessions, failed, now)
    since = now - timedelta(days=1)
    with sessions.begin() as session:
        assert acknowledgements_since(session, "rowan@example.com", since) == 1
        mark_failed(session, failed, owner="me", now=now, error="Refused.")
        assert acknowledgements_since(session, "rowan@example.com", since) == 0


def test_letters_are_found_by_the_ids_that_a_mail_refers_to(
    sessions: Sessions, now: datetime, received: int
) -> None:
    first, second = put(sessions, now, received_id=received), put(sessions, now)
    ids = [row(sessions, letter).message_id for letter in (first, second)]
    with sessions.begin() as session:
        found = find_by_message_ids(session, ["<x@example.com>", ids[1], ids[0].strip("<>")])
        assert find_by_message_ids(session, []) == ()
        assert find_by_message_ids(session, ["", "<>"]) == ()
        crowded = [f"<{number}@example.com>" for number in range(5000)]
        assert [letter.id for letter in find_by_message_ids(session, [*crowded, ids[0]])] == [first]
    assert [letter.id for letter in found] == [second, first]
    assert found[1].received_id == received
    assert (found[1].purpose, found[1].state) == (Purpose.ACKNOWLEDGEMENT, LetterState.QUEUED)


def test_two_letters_cannot_have_one_message_id(sessions: Sessions, now: datetime) -> None:
    with sessions.begin() as session:
        enqueue(session, make_email(), received_id=None, draft=False, now=now)
    with pytest.raises(AlreadyQueuedError), sessions.begin() as session:
        enqueue(session, make_email(), received_id=None, draft=False, now=now)


def test_a_letter_in_hand_when_the_machine_was_started_anew_is_not_sent_again(
    sessions: Sessions, now: datetime
) -> None:
    claimed = put(sessions, now)
    claim(sessions, now, "before")
    with sessions.begin() as session:
        settled = settle_abandoned(
            session,
            now=now,
            is_gone=lambda owner: owner == "before",
            was_before_restart=lambda owner: owner == "before",
        )
    assert (settled.requeued, settled.unknown) == (0, 1)
    assert state(sessions, claimed) == LetterState.UNKNOWN
