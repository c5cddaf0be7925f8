"""Importing what the watched mailboxes hold from before the day from which Kith reads them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from casework.importing.storing import Taken, Tell, plus, unfinished
from casework.inboxes import WatchedMailbox
from config.database import Sessions
from intake.inbox import take_in_older
from intake.mailbox import FolderMissingError
from intake.poller import PollReport, poll


def import_older(
    mailboxes: Sequence[WatchedMailbox],
    sessions: Sessions,
    *,
    since: datetime,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool] = lambda: False,
    tell: Tell = lambda _: None,
) -> Taken:
    """Take in the mail that was only noted, as far as it came at or after `since`.

    A mailbox that another process is reading is read by that one: it knows what is wanted. Raises
    `MailboxError`.
    """
    done = Taken()
    for watched in mailboxes:
        if should_stop():
            return unfinished(done)
        try:
            done = plus(done, _import_one(watched, sessions, since, now, should_stop, tell))
        except FolderMissingError:
            if not watched.is_optional:
                raise
    return done


def _import_one(
    watched: WatchedMailbox,
    sessions: Sessions,
    since: datetime,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool],
    tell: Tell,
) -> Taken:
    def look() -> PollReport:
        return poll(
            watched.mailbox,
            sessions,
            now=now,
            should_stop=should_stop,
            from_the_start=False,
            start=watched.start,
        )

    first = look()  # so that all that is there has its line, also the first time
    with sessions.begin() as session:
        wanted = take_in_older(session, watched.mailbox.name, since)
    tell(f"{wanted} older mails are wanted")
    if not wanted:
        return Taken(looked_at=first.seen, is_complete=first.complete)
    report = look()
    taken = Taken(
        looked_at=report.seen,
        taken=report.stored,
        withheld=report.set_aside,
        is_complete=report.complete,
    )
    return taken if report.is_ours else replace(taken, taken=0, is_complete=False)
