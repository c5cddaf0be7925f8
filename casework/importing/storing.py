"""Putting imported mail into the ledger: in small transactions, under a lease, in silence."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from casework.importing.files import FileMail
from config.database import Sessions
from config.errors import KithError
from config.leases import Lease, give_up_lease, keep_lease, take_lease
from config.process_identity import is_gone, this_process
from intake.inbox import Policy, Stored, store_by_policy, unknown_uids
from intake.mailbox import FetchedMail
from intake.poller import lease_name

LEASE_SECONDS = 120.0
FILES = "import:"
"""Before the fingerprint of a file, the name under which the ledger keeps its mails."""
VALIDITY = 1
"""The UIDVALIDITY of files: a mail's UID is its place, and a changed file has another name."""
ALL_ARE_OLD = datetime.max.replace(tzinfo=UTC)
TELL_EVERY = 500
Result = TypeVar("Result")
Tell = Callable[[str], None]


class BeingReadError(KithError):
    """Another process reads the same mailbox or file at this moment."""

    def __init__(self) -> None:
        super().__init__(
            "Another process is reading the same mails at this moment. Wait until it has ended, "
            "and start the import again: it goes on where it was."
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import took in. `known` had a line in the ledger before; `older` were left out.

    `withheld` are those that the server could not hand out. `is_complete`: nothing is left to do.
    """

    looked_at: int = 0
    taken: int = 0
    known: int = 0
    older: int = 0
    withheld: int = 0
    copies: int = 0
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Batches:
    """How much is written at once: mails, and their bytes."""

    mails: int = 50
    size: int = 8_000_000


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where imported mails are put: a mailbox of the ledger, held by a lease."""

    sessions: Sessions
    lease: Lease

    def commit(self, act: Callable[[Session], Result]) -> Result:
        """Act in a transaction of its own; raises `LeaseLostError` if another took over."""
        with self.sessions.begin() as session:
            keep_lease(session, self.lease, LEASE_SECONDS)
            return act(session)


@contextmanager
def the_shelf(sessions: Sessions, mailbox: str) -> Iterator[Shelf]:
    """Give the shelf of this mailbox; raises `BeingReadError` while another process has it."""
    me = this_process()
    with sessions.begin() as session:
        name = lease_name(mailbox)
        lease = take_lease(session, name, owner=me, seconds=LEASE_SECONDS, is_gone=is_gone)
    if lease is None:
        raise BeingReadError
    try:
        yield Shelf(sessions, lease)
    finally:
        with sessions.begin() as session:
            give_up_lease(session, lease)


def import_files(
    sessions: Sessions,
    name: str,
    mails: Iterable[FileMail],
    *,
    since: datetime,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool] = lambda: False,
    tell: Tell = lambda _: None,
    batches: Batches = Batches(),
) -> Taken:
    """Write the mails that came at or after `since` into the ledger, as `import:` and `name`.

    A mail without any date is taken in. Those that are in the ledger are passed over.
    """
    done = Taken()
    with the_shelf(sessions, FILES + name) as shelf:
        for batch in _batched(mails, batches):
            done = plus(done, _store(shelf, FILES + name, batch, since, now()))
            if done.looked_at // TELL_EVERY != (done.looked_at - len(batch)) // TELL_EVERY:
                tell(f"{done.looked_at} mails looked at, {done.taken} taken in")
            if should_stop():
                return unfinished(done)
    return done


def _store(shelf: Shelf, name: str, batch: list[FileMail], since: datetime, now: datetime) -> Taken:
    young = [mail for mail in batch if mail.came_at is None or mail.came_at >= since]
    fetched = [_fetched(mail, now) for mail in young]

    def store(session: Session) -> tuple[int, Stored]:
        fresh = unknown_uids(session, name, VALIDITY, [mail.uid for mail in fetched])
        policy = Policy(silent_before=ALL_ARE_OLD)
        return len(fresh), store_by_policy(session, name, VALIDITY, fetched, now, policy)

    fresh, stored = shelf.commit(store)
    return Taken(
        looked_at=len(batch),
        taken=stored.mails,
        known=len(young) - fresh,
        older=len(batch) - len(young),
    )


def _fetched(mail: FileMail, now: datetime) -> FetchedMail:
    # A date in the future is a clock that was wrong; the mail is here already.
    came_at = min(mail.came_at, now) if mail.came_at else None
    return FetchedMail(mail.position, mail.raw, mail.size, came_at, mail.is_whole)


def _batched(mails: Iterable[FileMail], batches: Batches) -> Iterator[list[FileMail]]:
    batch: list[FileMail] = []
    total = 0
    for mail in mails:
        if batch and (len(batch) >= batches.mails or total + len(mail.raw) > batches.size):
            yield batch
            batch, total = [], 0
        batch.append(mail)
        total += len(mail.raw)
    if batch:
        yield batch


def plus(one: Taken, other: Taken) -> Taken:
    return Taken(
        one.looked_at + other.looked_at,
        one.taken + other.taken,
        one.known + other.known,
        one.older + other.older,
        one.withheld + other.withheld,
        one.copies + other.copies,
        one.is_complete and other.is_complete,
    )


def unfinished(done: Taken) -> Taken:
    return plus(done, Taken(is_complete=False))
