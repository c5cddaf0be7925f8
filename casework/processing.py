"""Working through the received mails: claim, take each through the pipeline, go on.

If the power fails here: mails in hand stay `received` and are claimed again, by anybody once the
lease is over, at once by this machine when it sees that their owner is dead. A mail that fails
three times is set aside for a person, its bytes intact, and the rest goes on.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from casework.belief import writer_of
from casework.filing import Cabinet
from casework.judging import Judged
from casework.pipeline import Desk, Outcome, process_mail, understand
from config.database import Sessions, readers
from config.logs import mail_context
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


@dataclass(frozen=True, slots=True)
class Worker:
    """Who works, for how long it may hold a mail, how often it tries, and when it must stop."""

    owner: str
    lease: timedelta
    attempts: int
    is_gone: Callable[[str], bool]
    should_stop: Callable[[], bool]
    now: Callable[[], datetime]


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
    done = 0
    while not worker.should_stop():
        with sessions.begin() as session:
            mails = claim_next(
                session,
                now=worker.now(),
                owner=worker.owner,
                lease=worker.lease,
                limit=CLAIM_AT_ONCE,
            )
        if not mails:
            break
        for processed in process_batch(sessions, mails, desk, worker):
            tell(processed)
            done += 1
    return done


def process_batch(
    sessions: Sessions, mails: Sequence[ClaimedMail], desk: Desk, worker: Worker
) -> Iterator[Processed]:
    """Judge the claimed mails, then file them in one transaction; give back what a stop leaves.

    When anything goes wrong in the transaction, none of it is kept and each mail is filed in a
    transaction of its own, so that one bad mail harms no other.
    """
    judged: list[tuple[ClaimedMail, Judged]] = []
    began = time.monotonic()
    reading = readers(sessions)
    with reading() as session:
        small = small_raws(session, [mail.id for mail in mails])
    for place, mail in enumerate(mails):
        if worker.should_stop():
            _give_back(sessions, mails[place:], worker)
            break
        with mail_context(mail.id):
            try:
                raw = small.pop(mail.id, None) or _large_raw(reading, mail)
                judged.append((mail, understand(mail, raw, desk, worker.now())))
            except DBAPIError:
                raise
            except Exception:
                yield Processed(mail.id, _after_failure(sessions, mail, worker))
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
        cabinet = Cabinet(session, worker.now(), worker.owner, mails, writers)
        done = [
            Processed(mail.id, process_mail(cabinet, mail, opinion, desk))
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
            return Processed(mail.id, _after_failure(sessions, mail, worker))
        except Exception:
            return Processed(mail.id, _after_failure(sessions, mail, worker))
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


def _after_failure(sessions: Sessions, mail: ClaimedMail, worker: Worker) -> Outcome | None:
    """Called while an exception is handled: log it, count it, set the mail aside at the last."""
    log.exception("outcome=failed attempt=%d", mail.failures + 1)
    with sessions.begin() as session:
        if mail.failures + 1 < worker.attempts:
            retry_at = worker.now() + RETRY_AFTER
            note_failure(session, mail.id, owner=worker.owner, retry_at=retry_at)
            return None
        reason = f"Kith failed on it {worker.attempts} times. The original is kept; please look."
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


def _give_back(sessions: Sessions, mails: Sequence[ClaimedMail], worker: Worker) -> None:
    with sessions.begin() as session:
        release(session, [mail.id for mail in mails], owner=worker.owner)
