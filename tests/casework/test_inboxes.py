"""Rounds through several mailboxes: none keeps another waiting, none is forgotten."""

from datetime import datetime, timedelta

from sqlalchemy import Engine

from casework.inboxes import LOOK_FOR_ABSENT_AFTER, SURPRISE, Rhythm, Rounds, WatchedMailbox
from casework.pulses import poll_pulse, pulse_of
from config.database import Sessions
from config.leases import give_up_lease, take_lease
from intake.mailbox import FolderMissingError, MailboxError
from intake.poller import lease_name
from tests.fakes import FakeMailbox

RHYTHM = Rhythm(lease_seconds=120, compare_every=timedelta(days=1))


def never() -> bool:
    return False


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def failing(mailbox: FakeMailbox, error: Exception) -> list[int]:
    """Let every look into the mailbox fail; return the list that counts them."""
    looks: list[int] = []

    def fail() -> int:
        looks.append(1)
        raise error

    mailbox.open = fail  # type: ignore[method-assign]
    return looks


def test_a_mailbox_that_fails_in_an_unforeseen_way_keeps_no_other_waiting(
    sessions: Sessions, now: datetime
) -> None:
    first = FakeMailbox(b"one", name="a@imap.example.org/INBOX")
    second = FakeMailbox(b"two", name="b@imap.example.org/INBOX")
    failing(first, ZeroDivisionError())
    rounds = Rounds([WatchedMailbox(first), WatchedMailbox(second)], sessions, RHYTHM, lambda: now)
    result = rounds.poll(never)
    assert (result.stored, result.problems) == (1, (SURPRISE,))
    with sessions() as session:
        pulse = pulse_of(session, poll_pulse(first.name))
    assert pulse is not None
    assert pulse.problem == SURPRISE


def test_what_one_mailbox_brought_is_told_before_the_next_is_looked_into(
    sessions: Sessions, now: datetime
) -> None:
    first = FakeMailbox(b"one", name="a@imap.example.org/INBOX")
    second = FakeMailbox(b"two", name="b@imap.example.org/INBOX")
    told: list[int] = []
    second.on_fetch = lambda: told.append(-1)
    rounds = Rounds([WatchedMailbox(first), WatchedMailbox(second)], sessions, RHYTHM, lambda: now)
    rounds.poll(never, lambda: told.append(1))
    assert told == [1, -1, 1]
    rounds.poll(never, lambda: told.append(1))
    assert told == [1, -1, 1]


def test_an_optional_folder_that_was_missing_is_looked_for_again(
    engine: Engine, sessions: Sessions, now: datetime
) -> None:
    clock = Clock(now)
    spam = FakeMailbox(b"win", name="a@imap.example.org/Junk")
    looks = failing(spam, FolderMissingError("There is no such folder."))
    rounds = Rounds([WatchedMailbox(spam, is_optional=True)], sessions, RHYTHM, clock)
    for _ in range(3):
        assert rounds.poll(never).problems == ()
    assert len(looks) == 1
    assert not rounds.reachable
    del spam.open
    clock.now += LOOK_FOR_ABSENT_AFTER
    assert rounds.poll(never).stored == 1
    assert len(rounds.reachable) == 1


def test_after_a_failure_the_wait_is_no_longer_than_until_the_next_try(
    sessions: Sessions, now: datetime
) -> None:
    clock = Clock(now)
    mailbox = FakeMailbox(b"one")
    rounds = Rounds([WatchedMailbox(mailbox)], sessions, RHYTHM, clock)
    assert rounds.seconds_to_next_try(60) == 60
    failing(mailbox, MailboxError("The connection broke."))
    rounds.poll(never)
    wait = rounds.seconds_to_next_try(60)
    assert 1 <= wait <= 2
    clock.now += timedelta(seconds=wait)
    assert rounds.seconds_to_next_try(60) == 60


def test_nobody_waits_at_a_mailbox_that_another_process_is_just_looking_into(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(b"one")
    rounds = Rounds([WatchedMailbox(mailbox)], sessions, RHYTHM, lambda: now)
    with sessions.begin() as session:
        lease = take_lease(session, lease_name(mailbox.name), owner="another", seconds=600)
    assert lease is not None
    assert rounds.poll(never).stored == 0
    assert not rounds.reachable
    with sessions.begin() as session:
        give_up_lease(session, lease)
    assert rounds.poll(never).stored == 1
    assert len(rounds.reachable) == 1
