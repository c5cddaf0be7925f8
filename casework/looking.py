"""A look at what is due, so cheap that it may be had every second: one question, no lock.

The jobs themselves begin with transactions that may write, which keep others waiting and cost ten
times as much. Most of the time there is nothing to do for them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.orm import Session

from casework.letters import UNTOLD_FATE
from config.database import UtcDateTime
from intake.inbox import RECEIVED, MailState
from replies.outbox import LETTERS, LetterState


@dataclass(frozen=True, slots=True)
class Due:
    """Which jobs have something to do. Work in the hands of others counts: they may have died."""

    process: bool
    deliver: bool


def what_is_due(session: Session, now: datetime) -> Due:
    """Return which jobs have something to do now."""
    mails, letters, fates = session.execute(_LOOK, {"at": now}).one()
    return Due(process=bool(mails), deliver=bool(letters or fates))


# Built once: to build a statement costs more than to run it.
_R, _L = RECEIVED.c, LETTERS.c
_NOW = bindparam("at", type_=UtcDateTime())
_MAILS = exists().where(
    _R.state == MailState.RECEIVED.value,
    or_(_R.owner.is_not(None), _R.lease_until.is_(None), _R.lease_until < _NOW),
)
_IN_HAND = (LetterState.CLAIMED.value, LetterState.SENDING.value)
_LETTERS = or_(
    exists().where(_L.state == LetterState.QUEUED.value, _L.due_at <= _NOW),
    exists().where(_L.state.in_(_IN_HAND)),
)
_LOOK: Any = select(_MAILS, _LETTERS, exists().where(*UNTOLD_FATE))
