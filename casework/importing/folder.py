"""Importing another folder of the mailbox, such as an archive."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from casework.importing.storing import (
    ALL_ARE_OLD,
    TELL_EVERY,
    Shelf,
    Taken,
    Tell,
    plus,
    the_shelf,
    unfinished,
)
from config.database import Sessions, readers
from config.errors import KithError
from intake.inbox import (
    BEFORE_START,
    FETCH_AGAIN,
    RECEIVED,
    Policy,
    note,
    store_by_policy,
    uids_to_fetch_again,
    unknown_uids,
)
from intake.mailbox import FetchedMail, Glimpse, Mailbox, Role

AT_A_TIME = 1_000


class WatchedFolderError(KithError):
    """The folder is one that the service reads."""

    def __init__(self) -> None:
        super().__init__(
            "Kith reads this folder by itself, and new mail in it must not be filed in silence. "
            "Leave --folder out: then its older mail is taken in."
        )


def import_folder(
    mailbox: Mailbox,
    sessions: Sessions,
    *,
    since: datetime,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool] = lambda: False,
    tell: Tell = lambda _: None,
) -> Taken:
    """Write every mail of the folder into the ledger; those that came before `since` as lines only.

    A later import with an earlier `since` takes these in as well. Raises `MailboxError`.
    """
    with the_shelf(sessions, mailbox.name) as shelf:
        validity = mailbox.open()
        again = shelf.commit(lambda session: _wanted_now(session, mailbox.name, validity, since))
        policy = Policy(Role.INBOX, since, ALL_ARE_OLD, again)
        work = _Folder(mailbox, shelf, validity, policy, now, should_stop)
        present, done = mailbox.uids_from(1), Taken()
        for first in range(0, len(present), AT_A_TIME):
            for more in work.take_in(present[first : first + AT_A_TIME]):
                done = plus(done, more)
                if (
                    more.taken
                    and done.taken // TELL_EVERY != (done.taken - more.taken) // TELL_EVERY
                ):
                    tell(f"{done.taken} mails taken in")
                if should_stop():
                    return unfinished(done)
        return done


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that is open, and how its mails are taken down."""

    mailbox: Mailbox
    shelf: Shelf
    validity: int
    policy: Policy
    now: Callable[[], datetime]
    should_stop: Callable[[], bool]

    def take_in(self, uids: list[int]) -> Iterator[Taken]:
        fresh = self._fresh(uids)
        yield Taken(looked_at=len(uids), known=len(uids) - len(fresh))
        noted: set[int] = set()
        for glimpses in self.mailbox.glimpses(fresh):
            here = self._note(glimpses)
            noted.update(here)
            old = sum(self.policy.is_too_old(each) for each in glimpses if each.uid in here)
            yield Taken(older=old, copies=len(here) - old)
        for batch in self.mailbox.fetch([uid for uid in fresh if uid not in noted]):
            yield self._store(batch)

    def _fresh(self, uids: list[int]) -> list[int]:
        with readers(self.shelf.sessions)() as session:
            unknown = unknown_uids(session, self.mailbox.name, self.validity, uids)
        return sorted({*unknown, *self.policy.again.intersection(uids)})

    def _note(self, glimpses: Sequence[Glimpse]) -> frozenset[int]:
        name, now = self.mailbox.name, self.now()
        noted = self.shelf.commit(
            lambda session: note(session, name, self.validity, glimpses, now, self.policy)
        )
        return frozenset(noted)

    def _store(self, batch: Sequence[FetchedMail]) -> Taken:
        if not batch:
            return Taken()
        name, now = self.mailbox.name, self.now()
        stored = self.shelf.commit(
            lambda session: store_by_policy(session, name, self.validity, batch, now, self.policy)
        )
        return Taken(taken=stored.mails, copies=stored.noted, withheld=len(stored.withheld))


def _wanted_now(session: Session, name: str, validity: int, since: datetime) -> frozenset[int]:
    """Return the UIDs that an earlier import left out, and that are wanted by now."""
    values = {"this": name, "validity": validity, "since": since}
    session.execute(_WANT, values)
    return uids_to_fetch_again(session, name, validity)


_WANT = (
    update(RECEIVED)
    .where(
        RECEIVED.c.mailbox == bindparam("this"),
        RECEIVED.c.uid_validity == bindparam("validity"),
        RECEIVED.c.rule == BEFORE_START,
        RECEIVED.c.internal_date >= bindparam("since"),
    )
    .values(rule=FETCH_AGAIN, is_silent=True)
)
