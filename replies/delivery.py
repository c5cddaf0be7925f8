"""Sending what is due.

For each letter: in one transaction write what became of the letter before it and mark this one
`sending`; commit; only then touch the network. No transaction is open while the network is waited
for. If the power fails here, at most one letter per worker stands at `sending`; it may have left,
so `settle_abandoned` makes it `unknown` and a person decides. Every other letter goes out later.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy.orm import Session

from config.database import Sessions
from config.errors import KithError
from replies.outbox import (
    Claimed,
    claim_due,
    defer,
    mark_failed,
    mark_sending,
    mark_sent,
    mark_unknown,
    release,
)
from replies.outgoing import ascii_address, to_mime
from replies.smtp import DeliveryError, Transport

log = logging.getLogger(__name__)

WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
    timedelta(hours=24),
)
"""How long to wait after each attempt that failed for now; after these three days we give up."""

MAX_UNKNOWN = 3
"""After so many letters of unknown fate a run ends: an ailing server must not spoil them all."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of the letters of one run."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    unknown: int = 0


class _Fate(Enum):
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one letter, not yet written down."""

    letter: Claimed
    fate: _Fate
    at: datetime
    due_at: datetime | None = None
    error: str = ""
    reply: str = ""
    affects_all: bool = False


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """Return when to try again after `attempts` (one or more) attempts; None to give up."""
    return now + WAITS[attempts - 1] if attempts <= len(WAITS) else None


def deliver_due(
    sessions: Sessions,
    transport: Transport,
    *,
    now: Callable[[], datetime],
    owner: str,
    lease: timedelta,
    should_stop: Callable[[], bool],
    limit_per_claim: int = 20,
) -> DeliveryReport:
    """Send every letter that is due until none is, `should_stop`, or the server cannot be reached.

    Whatever is raised, the truth about each letter is written down first. Raises only what the
    database raises, and what is no `Exception` (an interrupt).
    """
    with sessions() as session:  # one for all its transactions; between them it holds nothing
        run = _Run(session, transport, now, owner, lease)
        try:
            while run.may_go_on and not should_stop():
                batch = run.claim(limit_per_claim)
                if not batch:
                    break
                run.send_all(batch, should_stop)
        finally:
            run.write_down()
    return run.report


class _Run:
    """One call of `deliver_due`: it holds the one outcome that is not yet written down."""

    def __init__(
        self,
        session: Session,
        transport: Transport,
        now: Callable[[], datetime],
        owner: str,
        lease: timedelta,
    ) -> None:
        self._session = session
        self._transport = transport
        self._now = now
        self._owner = owner
        self._lease = lease
        self._pending: _Outcome | None = None
        self._counts = dict.fromkeys(_Fate, 0)
        self._unknown = 0
        self.may_go_on = True

    @property
    def report(self) -> DeliveryReport:
        """Return what became of the letters so far."""
        return DeliveryReport(**{fate.value: count for fate, count in self._counts.items()})

    def claim(self, limit: int) -> list[Claimed]:
        """Claim the next letters, and write down what became of the last."""
        with self._session.begin():
            self._write()
            batch = claim_due(
                self._session, now=self._now(), owner=self._owner, lease=self._lease, limit=limit
            )
        self._written()
        return batch

    def send_all(self, batch: Sequence[Claimed], should_stop: Callable[[], bool]) -> None:
        """Send the letters of a batch; give back those that we do not come to."""
        for done, letter in enumerate(batch):
            if not self.may_go_on or should_stop():
                self._give_back(batch[done:])
                return
            self._send(letter)

    def write_down(self) -> None:
        """Write what became of the last letter, if that is still to be done."""
        if self._pending is not None:
            with self._session.begin():
                self._write()
            self._written()

    def _send(self, letter: Claimed) -> None:
        with self._session.begin():
            self._write()
            is_ours = mark_sending(
                self._session, letter.id, owner=self._owner, now=self._now(), lease=self._lease
            )
        self._written()
        if not is_ours:
            log.warning("letter=%d outcome=skipped, its lease has ended", letter.id)
            return
        # Whatever ends the attempt, an interrupt too, the letter is at least known to be unknown.
        self._pending = _Outcome(letter, _Fate.UNKNOWN, self._now(), error=INTERRUPTED)
        self._pending = _attempt(self._transport, letter, self._now)
        self._unknown += self._pending.fate is _Fate.UNKNOWN
        self.may_go_on = not self._pending.affects_all and self._unknown < MAX_UNKNOWN

    def _give_back(self, letters: Sequence[Claimed]) -> None:
        with self._session.begin():
            self._write()
            release(self._session, [letter.id for letter in letters], owner=self._owner)
        self._written()

    def _write(self) -> None:
        if self._pending is not None:
            _record(self._session, self._pending, self._owner)

    def _written(self) -> None:
        if self._pending is not None:
            self._counts[self._pending.fate] += 1
            log.info("letter=%d outcome=%s", self._pending.letter.id, self._pending.fate.value)
        self._pending = None


INTERRUPTED = "The attempt was interrupted; the letter may have left."


def _attempt(transport: Transport, letter: Claimed, now: Callable[[], datetime]) -> _Outcome:
    """Send one letter and return what became of it; never raises an `Exception`."""
    email = letter.email
    try:
        sender, recipient = ascii_address(email.from_address), ascii_address(email.to_address)
        content = to_mime(email, now()).as_bytes()
    except KithError as error:
        return _Outcome(letter, _Fate.FAILED, now(), error=str(error))
    except Exception as error:
        problem = f"The letter could not be written as a mail ({type(error).__name__})."
        return _put_off(letter, now(), DeliveryError(problem))
    try:
        reply = transport.send(sender=sender, recipient=recipient, content=content)
    except DeliveryError as error:
        return _refused(letter, now(), error)
    except Exception as error:
        log.exception("letter=%d outcome=unknown", letter.id)
        problem = f"Sending broke off ({type(error).__name__}); the letter may have left."
        return _Outcome(letter, _Fate.UNKNOWN, now(), error=problem)
    return _Outcome(letter, _Fate.SENT, now(), reply=reply)


def _refused(letter: Claimed, now: datetime, error: DeliveryError) -> _Outcome:
    if error.sent_unknown:
        return _Outcome(letter, _Fate.UNKNOWN, now, error=str(error), reply=error.reply)
    if error.permanent:
        return _Outcome(letter, _Fate.FAILED, now, error=str(error), reply=error.reply)
    return _put_off(letter, now, error)


def _put_off(letter: Claimed, now: datetime, error: DeliveryError) -> _Outcome:
    due_at = next_attempt(letter.attempts + 1, now)
    return _Outcome(
        letter,
        _Fate.DEFERRED if due_at else _Fate.FAILED,
        now,
        due_at=due_at,
        error=str(error),
        reply=error.reply,
        affects_all=error.affects_all,
    )


def _record(session: Session, outcome: _Outcome, owner: str) -> None:
    letter, at, error = outcome.letter.id, outcome.at, outcome.error
    if outcome.fate is _Fate.SENT:
        mark_sent(session, letter, owner=owner, now=at, reply=outcome.reply)
    elif outcome.fate is _Fate.UNKNOWN:
        mark_unknown(session, letter, owner=owner, now=at, error=error)
    elif outcome.due_at is None:
        mark_failed(session, letter, owner=owner, now=at, error=error, reply=outcome.reply)
    else:
        defer(
            session,
            letter,
            owner=owner,
            due_at=outcome.due_at,
            error=error,
            reply=outcome.reply,
        )
