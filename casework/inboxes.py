"""Every mailbox that is read, looked into in turn, each with its own patience.

One that cannot be reached keeps no other waiting. What is found out about each is written down as
a pulse, so that whoever asks later (the status, the alarm) knows when it was last well.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from casework.pulses import beat, poll_pulse
from config.database import DatabaseUnreachableError, Sessions
from config.process_identity import this_process
from intake.mailbox import FolderMissingError, Mailbox, MailboxError, Patience
from intake.poller import PollReport, poll
from intake.reconciling import reconcile

log = logging.getLogger(__name__)

LOOK_FOR_ABSENT_AFTER = timedelta(hours=1)
"""After so long an optional folder that was missing is looked for once more."""
SURPRISE = "Reading this mailbox failed in a way that was not foreseen. Kith's log tells more."


@dataclass(frozen=True, slots=True)
class WatchedMailbox:
    """A mailbox to read. An optional one may be missing on the server, and then is left out.

    Mail that came before `start` is only noted.
    """

    mailbox: Mailbox
    start: datetime | None = None
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long a poller's lease holds, and how often a whole mailbox is compared (None: once)."""

    lease_seconds: float
    compare_every: timedelta | None


@dataclass(frozen=True, slots=True)
class Round:
    """What one look into all mailboxes brought, and what went wrong, a sentence for each."""

    seen: int = 0
    stored: int = 0
    set_aside: int = 0
    problems: tuple[str, ...] = ()

    def with_report(self, report: PollReport) -> "Round":
        """Return the round with one more mailbox looked into."""
        return replace(
            self,
            seen=self.seen + report.seen,
            stored=self.stored + report.stored,
            set_aside=self.set_aside + report.set_aside,
        )

    def with_problem(self, problem: str) -> "Round":
        """Return the round with one more mailbox that could not be read."""
        return replace(self, problems=(*self.problems, problem))


@dataclass
class _Visits:
    """What this process knows of one mailbox."""

    watched: WatchedMailbox
    patience: Patience = field(default_factory=Patience)
    compared_at: datetime | None = None
    absent_at: datetime | None = None
    is_anothers: bool = False

    def may_be_visited(self, now: datetime) -> bool:
        """Return whether the server may be asked, and is not known to lack the folder."""
        absent_since = self.absent_at
        if absent_since is not None and abs(now - absent_since) < LOOK_FOR_ABSENT_AFTER:
            return False
        return self.patience.may_try(now)


class Rounds:
    """The visits of this process to all mailboxes; for one thread."""

    def __init__(
        self,
        mailboxes: Sequence[WatchedMailbox],
        sessions: Sessions,
        rhythm: Rhythm,
        now: Callable[[], datetime],
    ) -> None:
        self._visits = [_Visits(watched) for watched in mailboxes]
        self._sessions = sessions
        self._rhythm = rhythm
        self._now = now

    @property
    def reachable(self) -> tuple[Mailbox, ...]:
        """Return the mailboxes that were well when last looked into, and ours to look into.

        Where another process is just at it, what rings there would go on ringing unheard.
        """
        return tuple(
            visits.watched.mailbox
            for visits in self._visits
            if visits.may_be_visited(self._now()) and not visits.is_anothers
        )

    def seconds_to_next_try(self, most: float) -> float:
        """Return in how many seconds a mailbox that failed may be tried again, at most `most`."""
        now = self._now()
        waits = [
            (visits.patience.until - now).total_seconds()
            for visits in self._visits
            if visits.patience.until is not None and not visits.patience.may_try(now)
        ]
        return min([most, *waits])

    def poll(
        self, should_stop: Callable[[], bool], tell: Callable[[], object] = lambda: None
    ) -> Round:
        """Store what is new in each mailbox whose server may be asked; raises for the database.

        `tell` is called as soon as a mailbox brought something.
        """
        result = Round()
        for visits in self._visits:
            if should_stop():
                break
            if visits.may_be_visited(self._now()):
                result = self._visit(visits, should_stop, tell, result)
        return result

    def close(self) -> None:
        """Let go of all connections."""
        for visits in self._visits:
            visits.watched.mailbox.close()

    def _visit(
        self,
        visits: _Visits,
        should_stop: Callable[[], bool],
        tell: Callable[[], object],
        result: Round,
    ) -> Round:
        try:
            report = self._poll_one(visits, should_stop, tell)
        except FolderMissingError as error:
            if not visits.watched.is_optional:
                return self._failed(visits, error, result)
            visits.absent_at = self._now()
            return result
        except MailboxError as error:
            return self._failed(visits, error, result)
        except (SQLAlchemyError, DatabaseUnreachableError):
            raise  # it is no mailbox's fault
        except Exception:
            log.exception("job=poll one mailbox was passed over")
            return self._failed(visits, MailboxError(SURPRISE), result)
        visits.absent_at = None
        visits.patience.succeeded()
        visits.is_anothers = not report.is_ours
        if report.is_ours:
            self._note(visits, None)
        return result.with_report(report)

    def _poll_one(
        self, visits: _Visits, should_stop: Callable[[], bool], tell: Callable[[], object]
    ) -> PollReport:
        began = self._now()
        whole = self._is_to_be_compared(visits, began)
        report = poll(
            visits.watched.mailbox,
            self._sessions,
            now=self._now,
            should_stop=should_stop,
            from_the_start=whole,
            owner=this_process(),
            lease_seconds=self._rhythm.lease_seconds,
            start=visits.watched.start,
        )
        if report.stored:
            tell()
        if whole and report.complete and report.is_ours:
            reconcile(visits.watched.mailbox, self._sessions, now=self._now)
            visits.compared_at = began
        return report

    def _is_to_be_compared(self, visits: _Visits, now: datetime) -> bool:
        if visits.compared_at is None:
            return True
        every = self._rhythm.compare_every
        # abs: a clock that was set back must not put it off until it has caught up.
        return every is not None and abs(now - visits.compared_at) >= every

    def _failed(self, visits: _Visits, error: MailboxError, result: Round) -> Round:
        visits.patience.failed(self._now(), error)
        log.warning("job=poll failures=%d problem=%s", visits.patience.failures, error)
        self._note(visits, error)
        return result.with_problem(str(error))

    def _note(self, visits: _Visits, error: MailboxError | None) -> None:
        name = poll_pulse(visits.watched.mailbox.name)
        problem = str(error) if error else None
        detail = self._detail(visits, error)
        try:
            with self._sessions.begin() as session:
                beat(session, name, self._now(), problem=problem, detail=detail)
        except (SQLAlchemyError, DatabaseUnreachableError):
            # What was stored is stored; a pulse that is missed looks like silence, which it is.
            log.warning("job=poll the pulse could not be written")

    def _detail(self, visits: _Visits, error: MailboxError | None) -> dict[str, object]:
        until = visits.patience.until
        if error is None or until is None:
            return {}
        return {"next_try": until.isoformat(), "needs_sign_in": error.needs_sign_in}
