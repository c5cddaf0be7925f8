"""Polling: what is new gets into the ledger, once, whatever happens in between."""

from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select

from config.database import Sessions
from intake.inbox import (
    WHY_WITHHELD,
    MailState,
    RawMail,
    ReceivedMail,
    claim_next,
    take_up_again,
    twins_of,
)
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


def test_a_mail_the_server_cannot_hand_out_is_set_aside_and_the_rest_is_stored(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(*RAWS)
    mailbox.withheld = {3}
    assert look(mailbox, sessions, now) == PollReport(5, 4, complete=True, set_aside=1)
    assert [uid for uid, _ in ledger(sessions)] == [1, 2, 4, 5]
    with sessions() as session:
        line = session.execute(select(ReceivedMail).where(ReceivedMail.uid == 3)).scalar_one()
    assert (line.state, line.reason) == (MailState.SET_ASIDE, WHY_WITHHELD)
    assert (line.size, line.is_whole) == (len(RAWS[2]), False)
    assert line.sha256 == sha256(b"").hexdigest()
    assert line.internal_date == line.settled_at == now
    assert look(mailbox, sessions, now) == PollReport(5, 0, complete=True)


def test_a_withheld_mail_that_is_tried_again_is_fetched_again(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = FakeMailbox(*RAWS)
    mailbox.withheld = {3}
    look(mailbox, sessions, now)
    mailbox.withheld = set()
    with sessions.begin() as session:
        line = session.execute(select(ReceivedMail.id).where(ReceivedMail.uid == 3)).scalar_one()
        assert take_up_again(session, line)
        assert not take_up_again(session, line)
    assert look(mailbox, sessions, now) == PollReport(5, 1, complete=True)
    assert sorted(ledger(sessions)) == list(enumerate(RAWS, start=1))


def test_an_empty_mail_is_no_twin_of_one_that_never_came(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox(b"withheld", b"withheld", b"", b"")
    mailbox.withheld = {1, 2}
    look(mailbox, sessions, now)
    with sessions.begin() as session:
        first, second = claim_next(
            session, now=now, owner="me", lease=timedelta(minutes=2), limit=9
        )
        assert twins_of(session, [first, second]) == {second.id: first.id}
