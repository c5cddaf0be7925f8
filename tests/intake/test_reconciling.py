"""The whole mailbox against the ledger: what every poll passed over is found, and then fetched."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

import intake.reconciling
from config.database import Sessions
from intake.inbox import ReceivedMail, WatchedMailbox
from intake.poller import PollReport, poll
from intake.reconciling import Reconciliation, reconcile
from tests.fakes import FakeMailbox

DAY = timedelta(days=1)


def look(mailbox: FakeMailbox, sessions: Sessions, now: datetime) -> PollReport:
    return poll(mailbox, sessions, now=lambda: now, should_stop=lambda: False, from_the_start=False)


def compare(mailbox: FakeMailbox, sessions: Sessions, now: datetime) -> Reconciliation:
    return reconcile(mailbox, sessions, now=lambda: now)


def row_of(sessions: Sessions, mailbox: FakeMailbox) -> WatchedMailbox:
    with sessions() as session:
        found = session.get(WatchedMailbox, mailbox.name)
        assert found is not None
        return found


def lines(sessions: Sessions) -> list[ReceivedMail]:
    with sessions() as session:
        return list(session.execute(select(ReceivedMail).order_by(ReceivedMail.id)).scalars())


def full_mailbox(count: int = 6) -> FakeMailbox:
    mailbox = FakeMailbox()
    for number in range(count):
        mailbox.add(b"mail" + b"!" * number)
    return mailbox


def test_a_mailbox_that_was_polled_agrees_with_the_ledger(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = full_mailbox()
    look(mailbox, sessions, now)
    del mailbox.mails[2]
    found = compare(mailbox, sessions, now + DAY)
    assert found == Reconciliation(
        mailbox.name, present=5, known=5, missing=0, arrived=0, vanished=1, duplicates=0, reused=0
    )
    assert found.is_well
    row = row_of(sessions, mailbox)
    assert (row.reconciled_at, row.missing) == (now + DAY, 0)


def test_what_became_visible_late_far_below_the_newest_is_found_and_fetched(
    sessions: Sessions, now: datetime
) -> None:
    mailbox = full_mailbox(3)
    late = mailbox.mails.pop(2)
    mailbox.mails[9_000] = b"newest"
    look(mailbox, sessions, now)
    mailbox.mails[2] = late
    mailbox.mails[9_001] = b"just come"
    mailbox.dates[2] = now - 300 * DAY
    found = compare(mailbox, sessions, now)
    assert (found.missing, found.arrived, found.is_well) == (1, 1, False)
    assert row_of(sessions, mailbox).missing == 1
    assert look(mailbox, sessions, now).stored == 2
    assert row_of(sessions, mailbox).missing == 0
    assert compare(mailbox, sessions, now).is_well


def test_a_mail_that_has_only_just_come_is_not_missing(sessions: Sessions, now: datetime) -> None:
    mailbox = full_mailbox()
    look(mailbox, sessions, now)
    mailbox.add(b"just come")
    found = compare(mailbox, sessions, now)
    assert (found.arrived, found.missing, found.is_well) == (1, 0, True)
    assert row_of(sessions, mailbox).missing == 0


def test_copies_are_counted(sessions: Sessions, now: datetime) -> None:
    mailbox = FakeMailbox()
    mailbox.add(b"moved", object_id="gm:1")
    look(mailbox, sessions, now)
    mailbox.add(b"moved", object_id="gm:1")
    look(mailbox, sessions, now)
    assert compare(mailbox, sessions, now).duplicates == 1


def test_a_mailbox_that_was_never_polled_can_be_compared(sessions: Sessions, now: datetime) -> None:
    mailbox = full_mailbox()
    assert compare(mailbox, sessions, now).arrived == 6
    assert look(mailbox, sessions, now).stored == 6


@pytest.mark.parametrize("with_ids", [False, True])
def test_a_uid_that_the_server_used_twice_loses_neither_mail(
    sessions: Sessions, now: datetime, with_ids: bool
) -> None:
    mailbox = full_mailbox()
    if with_ids:
        mailbox.object_ids = {uid: f"oid:{uid}" for uid in mailbox.mails}
    look(mailbox, sessions, now)
    mailbox.mails[3] = b"another mail of another size"
    mailbox.dates[3] = now
    if with_ids:
        mailbox.object_ids[3] = "oid:another"
    assert look(mailbox, sessions, now).stored == 0  # a poll cannot see it
    found = compare(mailbox, sessions, now)
    assert (found.reused, found.known, found.is_well) == (1, 5, False)
    assert look(mailbox, sessions, now).stored == 1
    assert compare(mailbox, sessions, now).is_well
    former, new = (line for line in lines(sessions) if line.uid == 3)
    assert (former.uid_validity, new.uid_validity) == (-former.id, 1)


def test_if_a_sample_shows_reuse_every_mail_is_looked_at(
    sessions: Sessions, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake.reconciling, "SAMPLE", 3)
    mailbox = full_mailbox(12)
    look(mailbox, sessions, now)
    compare(mailbox, sessions, now)
    assert len(mailbox.glimpsed) == 3
    for uid in mailbox.mails:
        mailbox.mails[uid] = b"all other mails now" + b"." * uid
        mailbox.dates[uid] = now
    assert compare(mailbox, sessions, now).reused == 12
    assert look(mailbox, sessions, now).stored == 12


@pytest.mark.parametrize("change", ["size", "date", "no date"])
def test_a_size_or_a_date_alone_does_not_make_another_mail(
    sessions: Sessions, now: datetime, change: str
) -> None:
    mailbox = full_mailbox()
    look(mailbox, sessions, now)
    if change == "date":
        mailbox.dates[3] = now
    else:
        mailbox.mails[3] = b"an estimate of its size that changed"
        mailbox.dates[3] = None if change == "no date" else mailbox.dates[3]
    assert compare(mailbox, sessions, now).is_well
