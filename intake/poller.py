"""Reading what is new: fetch, store, commit, and only then the next batch.

If the power fails here, at any instruction: a batch is either in the ledger or it is not; what is
not will be fetched again by the next poll, since the ledger, not the server's flags, says what is
known. Nothing on the server changes.

One process at a time polls a mailbox: it holds a lease, and proves in every transaction that it
still does. A mail that the server cannot hand out is written down as set aside, and the poll goes
on. When the server made the mailbox anew (another UIDVALIDITY), all of it is looked at once more,
and what was seen before is recognised or, failing that, worked on in silence.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from config.database import Sessions, readers
from config.leases import Lease, LeaseLostError, give_up_lease, keep_lease, take_lease
from config.process_identity import is_gone, this_process
from intake.inbox import (
    WITHHELD,
    CompletePoll,
    MailState,
    Policy,
    Standing,
    Stored,
    highest_uid,
    meet_mailbox,
    note,
    note_complete_poll,
    standing_of,
    store_by_policy,
    uids_to_fetch_again,
    unknown_uids,
)
from intake.mailbox import FetchedMail, Glimpse, Mailbox, Role

log = logging.getLogger(__name__)

TRAILING_UIDS = 500
"""How far below the highest known UID each poll looks again for what was missed."""
GLIMPSES_AT_A_TIME = 1000
FEW = 50
"""So many new mails are fetched at once, without asking first which of them are worth it."""
TIMES_AGAINST_RIVALS = 3

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PollReport:
    """What one poll saw: UIDs looked at, mails newly stored, and whether it came to its end.

    `set_aside` counts the mails that the server could not hand out, `noted` those that got a line
    without being kept (copies, older mail, our own letters); neither are among the stored. Without
    `is_ours` another process polls this mailbox, and nothing more was done.
    """

    seen: int
    stored: int
    complete: bool
    set_aside: int = 0
    noted: int = 0
    is_ours: bool = True


def poll(
    mailbox: Mailbox,
    sessions: Sessions,
    *,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool],
    from_the_start: bool,
    owner: str = "",
    lease_seconds: float = 120,
    start: datetime | None = None,
) -> PollReport:
    """Store every mail of the mailbox that the ledger does not have.

    With `from_the_start`, or when the ledger asks for it, all UIDs are compared with the ledger,
    else the newest and a trailing window. What arrived before `start` is noted only. `owner` is
    this process unless told otherwise. Raises `MailboxError`; what was stored by then stays stored.
    """
    known = _begin(mailbox.name, sessions, owner or this_process(), lease_seconds)
    if known is None:
        return PollReport(0, 0, complete=False, is_ours=False)
    work = _Poll(mailbox, sessions, now, should_stop, known.lease, lease_seconds)
    try:
        return work.run(known, from_the_start=from_the_start, start=start)
    except LeaseLostError:
        log.warning("outcome=lease_lost")
        return work.report(complete=False, is_ours=False)
    finally:
        work.let_go()


def lease_name(mailbox: str) -> str:
    """Return the name of the lease that whoever polls the mailbox must hold."""
    return f"poll {mailbox}"


@dataclass(frozen=True, slots=True)
class _Known:
    """The lease, and what the ledger knew when the poll began."""

    lease: Lease
    standing: Standing | None
    highest: int


def _begin(mailbox: str, sessions: Sessions, owner: str, seconds: float) -> _Known | None:
    """Take the lease, and in the same breath read what is known; None: somebody else polls."""
    with sessions.begin() as session:
        lease = take_lease(
            session, lease_name(mailbox), owner=owner, seconds=seconds, is_gone=is_gone
        )
        if lease is None:
            return None
        standing = standing_of(session, mailbox)
        highest = highest_uid(session, mailbox, standing.uid_validity) if standing else 0
        return _Known(lease, standing, highest)


@dataclass(slots=True)
class _Poll:
    """One poll under a lease, and what it has done so far."""

    mailbox: Mailbox
    sessions: Sessions
    now: Callable[[], datetime]
    should_stop: Callable[[], bool]
    lease: Lease
    lease_seconds: float
    validity: int = 0
    policy: Policy = field(default_factory=Policy)
    seen: int = 0
    done: Stored = field(default_factory=Stored)
    has_let_go: bool = False

    def report(self, *, complete: bool, is_ours: bool = True) -> PollReport:
        withheld = len(self.done.withheld)
        return PollReport(self.seen, self.done.mails, complete, withheld, self.done.noted, is_ours)

    def run(self, known: _Known, *, from_the_start: bool, start: datetime | None) -> PollReport:
        began = self.now()
        self.validity = self.mailbox.open()
        standing = self._met(known.standing)
        whole = from_the_start or standing.whole_look_due
        first = 1 if whole else max(1, known.highest - TRAILING_UIDS)
        present = self.mailbox.uids_from(first)
        self.seen, there = len(present), self.mailbox.count()
        fresh = self._fresh(present, standing, start, whole=whole)
        for uids in self._to_fetch(fresh, standing):
            for batch in self.mailbox.fetch(uids):
                self._store(batch)
                if self.should_stop():
                    return self.report(complete=False)
            if fresh and self.should_stop():
                return self.report(complete=False)
        looks = standing.looks_asked if whole else None
        self._finish(CompletePoll(self.mailbox.name, self.mailbox.role, began, there, looks))
        return self.report(complete=True)

    def _met(self, known: Standing | None) -> Standing:
        """Return how the mailbox stands, under the UIDVALIDITY that it has now."""
        if known is not None and known.uid_validity == self.validity:
            return known
        name, role = self.mailbox.name, self.mailbox.role
        met = self._commit(lambda session: meet_mailbox(session, name, role, self.validity))
        if met.rescan_before is not None:
            log.warning("outcome=made_anew uidvalidity=%d", self.validity)
        return met

    def _fresh(
        self, present: list[int], standing: Standing, start: datetime | None, *, whole: bool
    ) -> list[int]:
        """Return the UIDs that the ledger does not have, or wants once more."""
        name, again = self.mailbox.name, frozenset[int]()
        with readers(self.sessions)() as session:
            fresh = unknown_uids(session, name, self.validity, present)
            if whole:
                again = uids_to_fetch_again(session, name, self.validity).intersection(present)
        self.policy = Policy(self.mailbox.role, start, standing.rescan_before, again)
        return sorted({*fresh, *again}) if again else fresh

    def _to_fetch(self, fresh: list[int], standing: Standing) -> Iterator[Sequence[int]]:
        """Yield the UIDs of the mails worth downloading; the others are noted on the way."""
        if not self._should_ask_first(fresh, standing):
            yield fresh
            return
        for place in range(0, len(fresh), GLIMPSES_AT_A_TIME):
            some = fresh[place : place + GLIMPSES_AT_A_TIME]
            noted = {
                uid for glimpses in self.mailbox.glimpses(some) for uid in self._note(glimpses)
            }
            yield [uid for uid in some if uid not in noted]

    def _should_ask_first(self, fresh: Sequence[int], standing: Standing) -> bool:
        """Whether a look at the mails before the download will spare a good part of it.

        Not for a handful of new mails: then it would only be one more wait for the server.
        """
        if self.policy.role is Role.ALL_MAIL or self.policy.silent_before is not None:
            return bool(fresh)
        is_first = standing.complete_at is None
        return self.policy.start is not None and (is_first or len(fresh) > FEW)

    def _note(self, glimpses: list[Glimpse]) -> list[int]:
        name, now = self.mailbox.name, self.now()
        noted = self._commit(
            lambda session: note(session, name, self.validity, glimpses, now, self.policy)
        )
        self.done = self._plus(Stored(noted=len(noted)))
        return noted

    def _store(self, batch: list[FetchedMail]) -> None:
        if not batch:
            return
        name, now = self.mailbox.name, self.now()
        stored = self._commit(
            lambda session: store_by_policy(session, name, self.validity, batch, now, self.policy)
        )
        self.done = self._plus(stored)
        for uid in stored.withheld:
            log.error("outcome=%s uid=%d rule=%s", MailState.SET_ASIDE, uid, WITHHELD)

    def _plus(self, more: Stored) -> Stored:
        done = self.done
        withheld = (*done.withheld, *more.withheld)
        return Stored(done.mails + more.mails, done.noted + more.noted, withheld)

    def _commit(self, act: Callable[[Session], Result]) -> Result:
        """Act in a transaction of its own, under the lease.

        Against a rival that got the lease in spite of it all, the ledger's unique UIDs protect;
        then only the rest is stored.
        """
        for attempt in range(TIMES_AGAINST_RIVALS):
            try:
                with self.sessions.begin() as session:
                    keep_lease(session, self.lease, self.lease_seconds)
                    return act(session)
            except IntegrityError:
                if attempt == TIMES_AGAINST_RIVALS - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def _finish(self, complete: CompletePoll) -> None:
        with self.sessions.begin() as session:
            keep_lease(session, self.lease, self.lease_seconds)
            note_complete_poll(session, complete)
            give_up_lease(session, self.lease)
        self.has_let_go = True

    def let_go(self) -> None:
        """Let others poll at once; without a database the lease ends by itself."""
        if self.has_let_go:
            return
        with suppress(DBAPIError), self.sessions.begin() as session:
            give_up_lease(session, self.lease)
