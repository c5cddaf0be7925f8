"""Polling: what is new gets into the ledger, once, whatever happens in between."""

from datetime import datetime

import pytest
from sqlalchemy import select

from config.database import Sessions
from intake.inbox import RawMail, ReceivedMail
from intake.mailbox import MailboxError
from intake.poller import PollReport, poll
from tests.fakes import FakeMailbox

RAWS = tuple(f"Subject: {n}\r\n\r\n{n}\r\n".encode() for n in range(5))


def look(mailbox: FakeMailbox, sessions: Sessions, now: datetime) -> PollReport:
    return poll(mailbox, sessions, now=lambda: now, should_stop=lambda: False, from_the_start=True)


def ledger(sessions: Sessions) -> list[tuple[int, bytes]]:
    with sessions() as session:
        statement = (
            select(ReceivedMail.uid, RawMail.raw)
            .join(RawMail, RawMail.received_id == ReceivedMail.id)
            .order_by(ReceivedMail.id)
        )
        return [(uid, raw) for uid, raw in session.execute(statement).all()]


def test_every_mail_is_stored_in_order_and_fetched_once(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS)
    assert look(mailbox, sessions, now) == PollReport(5, 5, complete=True)
    assert ledger(sessions) == list(enumerate(RAWS, start=1))
    mailbox.add(b"late")
    assert look(mailbox, sessions, now) == PollReport(6, 1, complete=True)
    assert mailbox.fetched == [1, 2, 3, 4, 5, 6]


def test_after_a_broken_connection_the_rest_is_fetched(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS)
    mailbox.breaks_after = 2
    with pytest.raises(MailboxError):
        look(mailbox, sessions, now)
    assert len(ledger(sessions)) == 2
    mailbox.breaks_after = None
    assert look(mailbox, sessions, now).stored == 3
    assert ledger(sessions) == list(enumerate(RAWS, start=1))


def test_a_stop_ends_after_the_batch_in_hand(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS)
    report = poll(mailbox, sessions, now=lambda: now, should_stop=lambda: True, from_the_start=True)
    assert report == PollReport(5, 2, complete=False)


def test_a_gap_below_the_newest_is_filled(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS)
    missing = mailbox.mails.pop(3)
    look(mailbox, sessions, now)
    mailbox.mails[3] = missing
    report = poll(
        mailbox, sessions, now=lambda: now, should_stop=lambda: False, from_the_start=False
    )
    assert report.stored == 1


def test_a_new_uidvalidity_makes_new_lines(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(*RAWS)
    look(mailbox, sessions, now)
    mailbox.uid_validity = 2
    assert look(mailbox, sessions, now).stored == 5
