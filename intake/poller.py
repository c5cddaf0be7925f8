"""Reading what is new: fetch, store, commit, and only then the next batch.

If the power fails here, at any instruction: a batch is either in the ledger or it is not; what is
not will be fetched again by the next poll, since the ledger, not the server's flags, says what is
known. Nothing on the server changes.

A mail that the server cannot hand out is written down as set aside, and the poll goes on.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from config.database import Sessions, readers
from intake.inbox import WITHHELD, MailState, highest_uid, store, unknown_uids
from intake.mailbox import FetchedMail, Mailbox

log = logging.getLogger(__name__)

TRAILING_UIDS = 500
"""How far below the highest known UID each poll looks again for what was missed."""


@dataclass(frozen=True, slots=True)
class PollReport:
    """What one poll saw: UIDs looked at, mails newly stored, and whether it came to its end.

    `set_aside` counts the mails that the server could not hand out; they are not among the stored.
    """

    seen: int
    stored: int
    complete: bool
    set_aside: int = 0


def poll(
    mailbox: Mailbox,
    sessions: Sessions,
    *,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool],
    from_the_start: bool,
) -> PollReport:
    """Store every mail of the mailbox that the ledger does not have.

    With `from_the_start` all UIDs are compared with the ledger, else the newest and a trailing
    window. Raises `MailboxError`; what was stored by then stays stored.
    """
    validity = mailbox.open()
    reading = readers(sessions)
    with reading() as session:
        highest = highest_uid(session, mailbox.name, validity)
    first = 1 if from_the_start else max(1, highest - TRAILING_UIDS)
    present = mailbox.uids_from(first)
    with reading() as session:
        fresh = unknown_uids(session, mailbox.name, validity, present)
    stored = set_aside = 0
    if not fresh:
        return PollReport(len(present), 0, complete=True)
    for batch in mailbox.fetch(fresh):
        withheld = [mail for mail in batch if mail.is_withheld]
        come = [mail for mail in batch if not mail.is_withheld]
        stored += store_batch(sessions, mailbox.name, validity, come, now())
        set_aside += store_batch(sessions, mailbox.name, validity, withheld, now())
        _tell_of(withheld)
        if should_stop():
            return PollReport(len(present), stored, complete=False, set_aside=set_aside)
    return PollReport(len(present), stored, complete=True, set_aside=set_aside)


def _tell_of(withheld: list[FetchedMail]) -> None:
    for mail in withheld:
        log.error("outcome=%s uid=%d rule=%s", MailState.SET_ASIDE, mail.uid, WITHHELD)


def store_batch(
    sessions: Sessions, mailbox: str, uid_validity: int, batch: list[FetchedMail], now: datetime
) -> int:
    """Commit one batch; when another poller stored some of it meanwhile, only the rest."""
    if not batch:
        return 0
    for attempt in range(3):
        try:
            with sessions.begin() as session:
                return store(session, mailbox, uid_validity, batch, now)
        except IntegrityError:
            if attempt == 2:
                raise
    raise AssertionError("the loop returns or raises")
