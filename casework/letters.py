"""What became of our letters, told in the history of their cases.

The outbox knows nothing of cases, so this room looks down the stairs now and then and writes a line
for each letter that has met its fate. If the power fails between, the line is written next time.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from casework.filing import UNTOLD
from casework.history import KITH, What
from casework.models import CaseEvent, CaseMessage, OutboxEmail
from casework.returned import STOPPED, note_refused_letters
from config.database import Sessions
from config.process_identity import is_gone, this_process, was_before_restart
from replies.outbox import LetterState, settle_abandoned

log = logging.getLogger(__name__)

AT_ONCE = 500

FATES = {
    LetterState.SENT: (What.LETTER_SENT, "The mail server took it."),
    LetterState.FAILED: (What.LETTER_FAILED, "It will not be sent again by itself. {}"),
    LetterState.UNKNOWN: (
        What.LETTER_UNKNOWN,
        "It may or may not have left, so it is not sent again by itself: please check. {}",
    ),
    LetterState.CANCELLED: (What.LETTER_CANCELLED, "It did not leave. {}"),
}
STILL_TO_TELL = (UNTOLD, LetterState.UNKNOWN.value)
"""What the history may say that is not the last word: whoever was sending may know better."""


def settle_letters_of_the_dead(sessions: Sessions, now: datetime) -> None:
    """Queue again, or mark as of unknown fate, what a worker that died had in hand."""
    with sessions.begin() as session:
        # Only SQLite's later marks may be lost in a power cut; PostgreSQL's are on the disk.
        may_lose = session.get_bind().dialect.name == "sqlite"
        settled = settle_abandoned(
            session,
            now=now,
            is_gone=has_let_go,
            was_before_restart=was_before_restart if may_lose else lambda _: False,
        )
    if settled.unknown:
        log.error("letters=%d outcome=unknown, a person must check them", settled.unknown)


def has_let_go(owner: str) -> bool:
    """Return whether what `owner` holds is held by nobody: it is dead, or it is ourselves.

    One thread of a process delivers, and it asks before it begins: what it still holds then was
    left behind by a run that a database error ended.
    """
    return owner == this_process() or is_gone(owner)


def tell_fates(sessions: Sessions, soft_failures_per_week: int = 3) -> int:
    """Write a history line for every letter that was sent, failed or has an unknown fate.

    An address that refuses our letters for good, or for now so many times in a week, gets nothing
    more by itself.
    """
    told = 0
    while True:
        with sessions.begin() as session:
            fates = session.execute(_UNTOLD_FATES).all()
            mine = {
                message_id
                for state in {fate.state for fate in fates}
                for message_id in _mark_told(
                    session, [f.id for f in fates if f.state == state], state
                )
            }
            if mine:
                told_now = [fate for fate in fates if fate.id in mine]
                lines = [_line(fate) for fate in told_now]
                refused = [f for f in told_now if f.state == LetterState.FAILED]
                lines += _suspensions(session, refused, soft_failures_per_week)
                session.execute(insert(CaseEvent), lines)
        told += len(mine)
        if len(fates) < AT_ONCE:
            return told


UNTOLD_FATE = (
    CaseMessage.outbox_id == OutboxEmail.id,
    CaseMessage.letter_state.in_(STILL_TO_TELL),
    OutboxEmail.state.in_(FATES),
    CaseMessage.letter_state != OutboxEmail.state,
)
"""The conditions under which a letter has met its fate and its case does not tell of it yet."""

_UNTOLD_FATES = (
    select(
        CaseMessage.id,
        CaseMessage.case_id,
        CaseMessage.outbox_id,
        OutboxEmail.state,
        OutboxEmail.settled_at,
        OutboxEmail.last_error,
    )
    .join(OutboxEmail, OutboxEmail.id == CaseMessage.outbox_id)
    .where(*UNTOLD_FATE)
    .limit(AT_ONCE)
)


def _suspensions(
    session: Session, refused: Sequence[Any], soft_failures_per_week: int
) -> list[dict[str, object]]:
    if not refused:
        return []
    now = max(fate.settled_at for fate in refused)
    numbers = [fate.outbox_id for fate in refused]
    suspended = note_refused_letters(
        session, numbers, now=now, soft_failures_per_week=soft_failures_per_week
    )
    return [
        _event(fate, STOPPED.what, STOPPED.detail)
        for fate in refused
        if fate.outbox_id in suspended
    ]


def _mark_told(session: Session, ids: Sequence[int], state: str) -> Sequence[int]:
    """Return those of `ids` that nobody else has told meanwhile."""
    statement = (
        update(CaseMessage)
        .where(CaseMessage.id.in_(ids), CaseMessage.letter_state != state)
        .values(letter_state=state)
        .returning(CaseMessage.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(statement).scalars().all()


def _line(fate: Any) -> dict[str, object]:
    what, words = FATES[LetterState(fate.state)]
    return _event(fate, what, words.format(fate.last_error or "").strip())


def _event(fate: Any, what: What, detail: str) -> dict[str, object]:
    return {
        "case_id": fate.case_id,
        "at": fate.settled_at,
        "by": KITH,
        "what": what,
        "detail": detail,
    }
