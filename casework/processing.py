"""Working through the received mails: claim, take each through the pipeline, go on.

If the power fails here: mails in hand stay `received` and are claimed again, by anybody once the
lease is over, at once by this machine when it sees that their owner is dead. A mail that fails
three times is set aside for a person, its bytes intact, and the rest goes on.

Reading a mail has its time. Ordinary mails are read in this process; large ones, those that failed
before and those that a dead worker had in hand are read apart (`casework.apart`). Of the last only
one is in hand at a time, when there is nothing else to do: should the worker die again, it is known
whose fault it was.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from casework.apart.errors import JudgedInVainError, NoSideRoomError, StoppedError
from casework.apart.messages import Task
from casework.apart.pieces import pieces_of
from casework.apart.side_room import SideRoom
from casework.belief import writer_of
from casework.filing import Cabinet
from casework.judging import Judged
from casework.pipeline import Desk, Outcome, make_gate, process_mail, understand
from config.database import Sessions, readers
from config.logs import mail_context
from config.time_budget import TimeIsUpError, time_budget
from intake.inbox import (
    ClaimedMail,
    ClaimLostError,
    MailState,
    Settlement,
    claim_next,
    note_failure,
    raw_of,
    release,
    release_abandoned,
    release_own,
    settle,
    small_raws,
)

log = logging.getLogger(__name__)

CLAIM_AT_ONCE = 40
TIMES_AGAINST_RIVALS = 3
RETRY_AFTER = timedelta(seconds=30)
MOST_DEATHS = 5
"""Workers that die with the mail in hand before it is set aside untried. Not three: a machine that
is switched off hard again and again also leaves mails in hand, and judged apart it kills nobody."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Who works, for how long it may hold a mail, how often it tries, and when it must stop."""

    owner: str
    lease: timedelta
    attempts: int
    is_gone: Callable[[str], bool]
    should_stop: Callable[[], bool]
    now: Callable[[], datetime]
    judge_seconds: float = 20.0
    side_room: SideRoom | None = None
    """Without one all mails are judged in this process."""


@dataclass(frozen=True, slots=True)
class Processed:
    """One mail and what became of it; without an outcome, `problem` says why."""

    received_id: int
    outcome: Outcome | None
    problem: str = "It failed and will be tried again."


def process_received(
    sessions: Sessions, desk: Desk, worker: Worker, tell: Callable[[Processed], None]
) -> int:
    """Take every claimable mail through the pipeline, `tell` of each, return how many.

    Raises nothing for a mail that fails; a database that cannot be reached raises.
    """
    with sessions.begin() as session:
        release_abandoned(session, is_gone=worker.is_gone)
        # What we still hold was left behind by a run that a database error ended.
        release_own(session, owner=worker.owner)
    if worker.side_room is not None:
        worker.side_room.tidy()
    done = 0
    while not worker.should_stop():
        mails = _claim(sessions, desk, worker)
        if not mails:
            break
        for processed in process_batch(sessions, mails, desk, worker):
            tell(processed)
            done += 1
    return done


def _claim(sessions: Sessions, desk: Desk, worker: Worker) -> list[ClaimedMail]:
    mails = _claim_next(sessions, worker)
    room = worker.side_room
    if room is None or room.child is not None or not mails or not mails[0].abandoned:
        return mails
    # Not in hand while the child is born: for that time we would blame them wrongly.
    _give_back(sessions, mails, worker)
    try:
        room.make_ready(desk.judges, worker.should_stop)
    except StoppedError:
        return []
    except NoSideRoomError as error:
        log.warning("%s", error)
    return _claim_next(sessions, worker)


def _claim_next(sessions: Sessions, worker: Worker) -> list[ClaimedMail]:
    with sessions.begin() as session:
        return claim_next(
            session,
            now=worker.now(),
            owner=worker.owner,
            lease=worker.lease,
            limit=CLAIM_AT_ONCE,
        )


def process_batch(
    sessions: Sessions, mails: Sequence[ClaimedMail], desk: Desk, worker: Worker
) -> Iterator[Processed]:
    """Process the claimed mails, the ordinary ones together."""
    fresh = [mail for mail in mails if not mail.failures]
    yield from _process_together(sessions, fresh, desk, worker)
    for mail in mails:
        if mail.failures:  # it may take all its time again: nobody is to wait for it
            yield from _process_together(sessions, [mail], desk, worker)


def _process_together(
    sessions: Sessions, mails: Sequence[ClaimedMail], desk: Desk, worker: Worker
) -> Iterator[Processed]:
    """Judge the mails, then file them in one transaction; give back what a stop leaves.

    When anything goes wrong in the transaction, none of it is kept and each mail is filed in a
    transaction of its own, so that one bad mail harms no other.
    """
    judged: list[tuple[ClaimedMail, Judged]] = []
    began = time.monotonic()
    reading = readers(sessions)
    with reading() as session:
        small = small_raws(session, [mail.id for mail in mails]) if mails else {}
    for place, mail in enumerate(mails):
        if worker.should_stop():
            _give_back(sessions, mails[place:], worker)
            break
        with mail_context(mail.id):
            try:
                judged.append((mail, _judge(reading, mail, small.pop(mail.id, None), desk, worker)))
            except DBAPIError:
                raise
            except StoppedError:
                _give_back(sessions, mails[place:], worker)
                break
            except Exception as error:
                yield Processed(mail.id, _after_failure(sessions, mail, worker, error))
    try:
        done = _file_together(sessions, judged, desk, worker)
    except Exception:
        log.warning("outcome=one_by_one mails=%d", len(judged))
        for mail, opinion in judged:
            yield process_one(sessions, mail, opinion, desk, worker)
        return
    spent = (time.monotonic() - began) * 1000 / max(len(done), 1)
    for processed in done:
        _log_outcome(processed, spent)
        yield processed


def _judge(
    reading: Sessions, mail: ClaimedMail, small: bytes | None, desk: Desk, worker: Worker
) -> Judged:
    """Return the opinion on a mail, whose bytes are given if they are few."""
    if small and not mail.failures and not mail.abandoned:
        return _judge_here(mail, small, desk, worker)
    if mail.abandoned >= MOST_DEATHS:
        raise JudgedInVainError(f"{mail.abandoned} times Kith's worker died with it in hand.")
    if worker.side_room is not None:
        task = Task(mail.id, mail.internal_date, worker.now(), mail.is_whole)
        try:
            return worker.side_room.judge(
                lambda: pieces_of(reading, mail.id), task, desk.judges, worker.should_stop
            )
        except NoSideRoomError as error:
            log.warning("%s", error)
    return _judge_here(mail, small or _large_raw(reading, mail), desk, worker)


def _judge_here(mail: ClaimedMail, raw: bytes, desk: Desk, worker: Worker) -> Judged:
    try:
        with time_budget(worker.judge_seconds):
            return understand(mail, raw, desk, worker.now())
    except TimeIsUpError:
        raise JudgedInVainError.took_too_long(worker.judge_seconds) from None


def _large_raw(reading: Sessions, mail: ClaimedMail) -> bytes:
    with reading() as session:
        return raw_of(session, mail.id)


def _file_together(
    sessions: Sessions, judged: Sequence[tuple[ClaimedMail, Judged]], desk: Desk, worker: Worker
) -> list[Processed]:
    if not judged:
        return []
    with sessions.begin() as session:
        mails = [(mail, opinion.message) for mail, opinion in judged]
        writers = [writer for _, opinion in judged if (writer := writer_of(opinion))]
        # Before the cabinet, which locks rows: or two workers might wait for each other.
        gate = make_gate(session, [opinion for _, opinion in judged], desk, worker.now())
        cabinet = Cabinet(session, worker.now(), worker.owner, mails, writers)
        done = [
            Processed(mail.id, process_mail(cabinet, gate, mail, opinion, desk))
            for mail, opinion in judged
        ]
        cabinet.close()
    return done


def process_one(
    sessions: Sessions, mail: ClaimedMail, judged: Judged, desk: Desk, worker: Worker
) -> Processed:
    """Take one mail through the pipeline in its own transaction."""
    began = time.monotonic()
    with mail_context(mail.id):
        try:
            processed = _file_alone(sessions, mail, judged, desk, worker)
        except ClaimLostError:
            log.warning("outcome=claim_lost")
            return Processed(mail.id, None, "Another worker took it over.")
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return Processed(mail.id, _after_failure(sessions, mail, worker, error))
        except Exception as error:
            return Processed(mail.id, _after_failure(sessions, mail, worker, error))
    _log_outcome(processed, (time.monotonic() - began) * 1000)
    return processed


def _file_alone(
    sessions: Sessions, mail: ClaimedMail, judged: Judged, desk: Desk, worker: Worker
) -> Processed:
    """File one mail; what a rival or a busy database broke off is no fault of it, and repeated."""
    for _ in range(TIMES_AGAINST_RIVALS):
        try:
            return _file_together(sessions, [(mail, judged)], desk, worker)[0]
        except (IntegrityError, OperationalError) as error:
            if error.connection_invalidated:
                raise
            log.info("outcome=again error=%s", type(error).__name__)
    return _file_together(sessions, [(mail, judged)], desk, worker)[0]


def _log_outcome(processed: Processed, ms: float) -> None:
    if processed.outcome is not None:
        reference = processed.outcome.reference or "-"
        with mail_context(processed.received_id):
            log.info("case=%s outcome=%s ms=%.0f", reference, processed.outcome.state, ms)


def _after_failure(
    sessions: Sessions, mail: ClaimedMail, worker: Worker, error: Exception
) -> Outcome | None:
    """Log the failure and count it; at the last attempt set the mail aside.

    A worker that died with the mail in hand counts as one attempt, since it need not be its fault.
    """
    attempt = mail.failures + 1 + bool(mail.abandoned)
    log.error("outcome=failed attempt=%d", attempt, exc_info=error)
    with sessions.begin() as session:
        if attempt < worker.attempts and mail.abandoned < MOST_DEATHS:
            retry_at = worker.now() + RETRY_AFTER
            note_failure(session, mail.id, owner=worker.owner, retry_at=retry_at)
            return None
        reason = _why_set_aside(attempt, error)
        settlement = Settlement(MailState.SET_ASIDE, None, "failed", reason)
        settle(session, mail.id, owner=worker.owner, now=worker.now(), settlement=settlement)
    log.error("outcome=%s", MailState.SET_ASIDE)
    return Outcome(
        MailState.SET_ASIDE,
        judged=None,
        reference=None,
        is_new_case=False,
        acknowledged=False,
        reason=reason,
    )


def _why_set_aside(attempt: int, error: Exception) -> str:
    times = f"Kith failed on it {attempt} time{'s' if attempt > 1 else ''}."
    # The words of other errors may be the mail's.
    why = f" {error}" if isinstance(error, JudgedInVainError) else ""
    return f"{times}{why} The original is kept; please look."


def _give_back(sessions: Sessions, mails: Sequence[ClaimedMail], worker: Worker) -> None:
    with sessions.begin() as session:
        release(session, [mail.id for mail in mails], owner=worker.owner)
