"""One attempt to send one letter, and what became of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from config.database import Executor
from config.errors import KithError
from replies.outbox import Claimed, defer, mark_failed, mark_sent, mark_unknown
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


class Fate(Enum):
    """What may become of a letter that is tried."""

    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter, not yet written down. `affects_all`: not the letter's fault."""

    letter: Claimed
    fate: Fate
    at: datetime
    due_at: datetime | None = None
    error: str = ""
    reply: str = ""
    affects_all: bool = False


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """Return when to try again after `attempts` (one or more) attempts; None to give up."""
    return now + WAITS[attempts - 1] if attempts <= len(WAITS) else None


def attempt(transport: Transport, letter: Claimed, now: Callable[[], datetime]) -> Outcome:
    """Send one letter and return what became of it; never raises an `Exception`."""
    email = letter.email
    try:
        sender, recipient = ascii_address(email.from_address), ascii_address(email.to_address)
        content = to_mime(email, now()).as_bytes()
    except KithError as error:
        return Outcome(letter, Fate.FAILED, now(), error=str(error))
    except Exception as error:
        problem = f"The letter could not be written as a mail ({type(error).__name__})."
        return _put_off(letter, now(), DeliveryError(problem))
    try:
        reply = transport.send(sender=sender, recipient=recipient, content=content)
    except DeliveryError as error:
        return _refused(letter, now(), error)
    except Exception as error:
        log.exception("letter=%d", letter.id)
        problem = f"Sending broke off ({type(error).__name__}); the letter may have left."
        return Outcome(letter, Fate.UNKNOWN, now(), error=problem)
    return Outcome(letter, Fate.SENT, now(), reply=reply)


def _refused(letter: Claimed, now: datetime, error: DeliveryError) -> Outcome:
    if error.sent_unknown:
        fate = Fate.UNKNOWN
    elif error.permanent:
        fate = Fate.FAILED
    elif error.affects_all:
        fate = Fate.DEFERRED
    else:
        return _put_off(letter, now, error)
    return Outcome(
        letter, fate, now, error=str(error), reply=error.reply, affects_all=error.affects_all
    )


def _put_off(letter: Claimed, now: datetime, error: DeliveryError) -> Outcome:
    due_at = next_attempt(letter.attempts + 1, now)
    fate = Fate.DEFERRED if due_at else Fate.FAILED
    return Outcome(letter, fate, now, due_at=due_at, error=str(error), reply=error.reply)


def record(session: Executor, outcome: Outcome, owner: str) -> None:
    """Write down what became of the letter."""
    letter, at, error = outcome.letter.id, outcome.at, outcome.error
    if outcome.fate is Fate.SENT:
        mark_sent(session, letter, owner=owner, now=at, reply=outcome.reply)
    elif outcome.fate is Fate.UNKNOWN:
        mark_unknown(session, letter, owner=owner, now=at, error=error)
    elif outcome.fate is Fate.FAILED:
        mark_failed(session, letter, owner=owner, now=at, error=error, reply=outcome.reply)
    else:
        defer(
            session,
            letter,
            owner=owner,
            due_at=outcome.due_at or at,
            error=error,
            reply=outcome.reply,
            is_charged=not outcome.affects_all,
        )
