"""One run over all letters that are due."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from config.database import Sessions, connection_of, durable_transaction
from replies.delivery.attempts import Fate, Outcome, attempt, record
from replies.delivery.pausing import SendingPause
from replies.outbox import Claimed, claim_due, mark_sending, release
from replies.smtp import Transport

log = logging.getLogger(__name__)

MAX_UNKNOWN = 3
"""After so many letters of unknown fate a run ends: an ailing server must not spoil them all."""

INTERRUPTED = "The attempt was interrupted; the letter may have left."

LOUDNESS = {Fate.FAILED: logging.WARNING, Fate.UNKNOWN: logging.ERROR}
"""How loudly a fate is logged where somebody should know."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of the letters of one run; `problem` says what ended it early, if anything."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    unknown: int = 0
    problem: str = ""


def deliver_due(
    sessions: Sessions,
    transport: Transport,
    *,
    now: Callable[[], datetime],
    owner: str,
    lease: timedelta,
    should_stop: Callable[[], bool],
    limit_per_claim: int = 20,
    pause: SendingPause | None = None,
) -> DeliveryReport:
    """Send every letter that is due until none is, `should_stop`, or the server cannot be reached.

    After the last nothing is sent while `pause` holds; without one the next call tries again.
    Whatever is raised, the truth about each letter is written down first. Raises only what the
    database raises, and what is no `Exception` (an interrupt).
    """
    with connection_of(sessions) as connection:  # between its transactions it holds nothing
        run = _Run(connection, transport, now, owner, lease, pause or SendingPause())
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
        connection: Connection,
        transport: Transport,
        now: Callable[[], datetime],
        owner: str,
        lease: timedelta,
        pause: SendingPause,
    ) -> None:
        self._connection = connection
        self._transport = transport
        self._now = now
        self._owner = owner
        self._lease = lease
        self._pause = pause
        self._pending: Outcome | None = None
        self._counts = dict.fromkeys(Fate, 0)
        self._unknown = 0
        self._problem = ""
        self.may_go_on = not pause.holds(now())

    @property
    def report(self) -> DeliveryReport:
        """Return what became of the letters so far."""
        counts = {fate.value: count for fate, count in self._counts.items()}
        return DeliveryReport(**counts, problem=self._problem)

    def claim(self, limit: int) -> list[Claimed]:
        """Claim the next letters, and write down what became of the last.

        The claim is on the disk before a letter leaves: after a power cut, in which the later marks
        may be lost, it tells which letters may have left (decision 6).
        """
        with durable_transaction(self._connection):
            self._write()
            batch = claim_due(
                self._connection, now=self._now(), owner=self._owner, lease=self._lease, limit=limit
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
            with self._connection.begin():
                self._write()
            self._written()

    def _send(self, letter: Claimed) -> None:
        with self._connection.begin():
            self._write()
            is_ours = mark_sending(
                self._connection, letter.id, owner=self._owner, now=self._now(), lease=self._lease
            )
        self._written()
        if not is_ours:
            log.warning("letter=%d outcome=skipped, no longer ours to send", letter.id)
            return
        # Whatever ends the attempt, an interrupt too, the letter is at least known to be unknown.
        self._pending = Outcome(letter, Fate.UNKNOWN, self._now(), error=INTERRUPTED)
        self._pending = attempt(self._transport, letter, self._now)
        self._pending = self._judged(self._pending)

    def _judged(self, outcome: Outcome) -> Outcome:
        """Let all sending rest where this outcome tells that the next would be no better."""
        if outcome.fate is Fate.SENT:
            self._pause.end()
        self._unknown += outcome.fate is Fate.UNKNOWN
        if not outcome.affects_all and self._unknown < MAX_UNKNOWN:
            return outcome
        self.may_go_on, self._problem = False, outcome.error
        until = self._pause.begin(outcome.at, self._problem)
        log.error("sending rests until %s: %s", until.isoformat(timespec="seconds"), self._problem)
        return replace(outcome, due_at=until) if outcome.affects_all else outcome

    def _give_back(self, letters: Sequence[Claimed]) -> None:
        with self._connection.begin():
            self._write()
            release(self._connection, [letter.id for letter in letters], owner=self._owner)
        self._written()

    def _write(self) -> None:
        if self._pending is not None:
            record(self._connection, self._pending, self._owner)

    def _written(self) -> None:
        if self._pending is not None:
            self._counts[self._pending.fate] += 1
            _tell(self._pending)
        self._pending = None


def _tell(outcome: Outcome) -> None:
    level = LOUDNESS.get(outcome.fate, logging.INFO)
    why = f": {outcome.error}" if outcome.error else ""
    log.log(level, "letter=%d outcome=%s%s", outcome.letter.id, outcome.fate.value, why)
