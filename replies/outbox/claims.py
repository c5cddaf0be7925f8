"""Claim before you send: which worker has which letter, and what became of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, Executable, Integer, bindparam, case, func, select, update

from config.database import CleanText, Executor
from replies.outbox.letters import LETTERS, LetterState
from replies.outgoing import OutgoingEmail, Purpose

ABANDONED = "The worker that was sending this letter stopped in the middle."


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter that this worker alone may send until its lease ends."""

    id: int
    attempts: int
    email: OutgoingEmail


@dataclass(frozen=True, slots=True)
class Settled:
    """How many abandoned letters were queued again, and how many have an unknown fate."""

    requeued: int
    unknown: int


def claim_due(
    session: Executor, *, now: datetime, owner: str, lease: timedelta, limit: int
) -> list[Claimed]:
    """Claim up to `limit` letters that are due, longest due first, for `owner` until `now + lease`.

    Two workers never get the same letter, on SQLite and on PostgreSQL.
    """
    values = {"at": now, "new_owner": owner, "new_lease": now + lease, "how_many": limit}
    rows = session.execute(_CLAIM, values).all()
    return [_claimed(row) for row in sorted(rows, key=lambda row: (row.due_at, row.id))]


def mark_sending(
    session: Executor, letter_id: int, *, owner: str, now: datetime, lease: timedelta
) -> bool:
    """Say that the letter is about to leave; commit this before the network is touched.

    Returns False, and the letter must not be sent, unless `owner` holds it and its lease has time.
    """
    values = {"letter": letter_id, "me": owner, "at": now, "new_lease": now + lease}
    return _changed(session, _MARK_SENDING, values)


def mark_sent(session: Executor, letter_id: int, *, owner: str, now: datetime, reply: str) -> bool:
    """Record that the mail server took the letter, with its reply. True if `owner` sent it.

    This and the next two also correct an `unknown` that somebody wrote too early, `settled_at` with
    it: who was sending knows best.
    """
    outcome = _outcome(LetterState.SENT, now, reply=reply, error=None)
    return _settle(session, letter_id, owner, outcome | {"new_sent_at": now})


def mark_failed(
    session: Executor, letter_id: int, *, owner: str, now: datetime, error: str, reply: str = ""
) -> bool:
    """Record that the letter will not be sent; a person must see it."""
    outcome = _outcome(LetterState.FAILED, now, reply=reply, error=error)
    return _settle(session, letter_id, owner, outcome)


def mark_unknown(
    session: Executor, letter_id: int, *, owner: str, now: datetime, error: str
) -> bool:
    """Record that nobody can tell whether the letter left; no machine sends it again."""
    outcome = _outcome(LetterState.UNKNOWN, now, reply="", error=error)
    return _settle(session, letter_id, owner, outcome)


def defer(
    session: Executor,
    letter_id: int,
    *,
    owner: str,
    due_at: datetime,
    error: str,
    reply: str = "",
    is_charged: bool = True,
) -> bool:
    """Queue the letter again for `due_at`: it certainly did not leave.

    Not one that became `unknown` meanwhile, since a person may have written again by now; and one
    that was taken back meanwhile is cancelled. Without `is_charged` the attempt does not count.
    """
    values = {
        "new_due": due_at,
        "new_reply": reply or None,
        "new_error": error,
        "uncharged": int(not is_charged),
    }
    return _changed(session, _DEFER, {"letter": letter_id, "me": owner} | values)


def release(session: Executor, letter_ids: Sequence[int], *, owner: str) -> None:
    """Give back letters that were claimed and not begun."""
    letters = LETTERS.c
    session.execute(
        update(LETTERS)
        .where(letters.id.in_(letter_ids), letters.owner == owner)
        .where(letters.state == LetterState.CLAIMED.value)
        .values(state=LetterState.QUEUED.value, owner=None, lease_until=None)
    )


def settle_abandoned(
    session: Executor,
    *,
    now: datetime,
    is_gone: Callable[[str], bool],
    was_before_restart: Callable[[str], bool] = lambda _: False,
) -> Settled:
    """Settle the letters of workers that are gone or whose lease has ended.

    Claimed ones are queued again; one that was being sent becomes `unknown`, whoever wrote it. So
    does a claimed one whose owner `was_before_restart`: the mark that it was being sent may be what
    the power cut took.
    """
    requeued = unknown = 0
    for row in session.execute(_IN_HAND).all():
        if row.lease_until > now and not is_gone(row.owner):
            continue
        held = {"letter": row.id, "me": row.owner, "held_until": row.lease_until}
        is_untouched = row.state == LetterState.CLAIMED.value and not was_before_restart(row.owner)
        if is_untouched:
            requeued += _changed(session, _REQUEUE, held)
        else:
            outcome = _outcome(LetterState.UNKNOWN, now, reply="", error=ABANDONED)
            unknown += _changed(session, _ABANDON, held | outcome)
    return Settled(requeued, unknown)


# Statements are built once, since to build one costs more than to run it.
_C = LETTERS.c
_EMAIL_COLUMNS = (
    _C.purpose,
    _C.from_name,
    _C.from_address,
    _C.to_address,
    _C.reply_to,
    _C.subject,
    _C.body,
    _C.message_id,
    _C.in_reply_to,
    _C.references_,
    _C.automatic,
)
_MINE = (_C.id == bindparam("letter"), _C.owner == bindparam("me"))
_BEGUN = _C.state.in_((LetterState.SENDING.value, LetterState.UNKNOWN.value))
_NEW_OUTCOME: Mapping[str, Any] = {
    "state": bindparam("new_state"),
    "smtp_reply": bindparam("new_reply"),
    "last_error": bindparam("new_error"),
    "sent_at": bindparam("new_sent_at"),
    "settled_at": bindparam("new_settled_at"),
    "lease_until": None,
}

_PICKED = (
    select(_C.id)
    .where(_C.state == LetterState.QUEUED.value, _C.due_at <= bindparam("at"))
    .order_by(_C.due_at, _C.id)
    .limit(bindparam("how_many"))
    .with_for_update(skip_locked=True)
    .cte("picked")
)
_CLAIM = (
    update(LETTERS)
    .where(_C.id.in_(select(_PICKED.c.id)), _C.state == LetterState.QUEUED.value)
    .values(
        state=LetterState.CLAIMED.value,
        owner=bindparam("new_owner"),
        lease_until=bindparam("new_lease"),
    )
    .returning(_C.id, _C.attempts, _C.due_at, *_EMAIL_COLUMNS)
)
_MARK_SENDING = (
    update(LETTERS)
    .where(*_MINE, _C.state == LetterState.CLAIMED.value, _C.lease_until > bindparam("at"))
    .values(
        state=LetterState.SENDING.value,
        attempts=_C.attempts + 1,
        lease_until=bindparam("new_lease"),
    )
)
_SETTLE = update(LETTERS).where(*_MINE, _BEGUN).values(**_NEW_OUTCOME)
_TAKEN_BACK_BECAUSE = case((_C.settled_at.is_not(None), _C.last_error))
_DEFER = (
    update(LETTERS)
    .where(*_MINE, _C.state == LetterState.SENDING.value)
    .values(
        state=case(
            (_C.settled_at.is_(None), LetterState.QUEUED.value), else_=LetterState.CANCELLED.value
        ),
        attempts=_C.attempts - bindparam("uncharged", type_=Integer),
        due_at=bindparam("new_due"),
        smtp_reply=bindparam("new_reply"),
        last_error=func.coalesce(_TAKEN_BACK_BECAUSE, bindparam("new_error", type_=CleanText)),
        owner=None,
        lease_until=None,
    )
)
_IN_HAND = select(_C.id, _C.state, _C.owner, _C.lease_until).where(
    _C.state.in_((LetterState.CLAIMED.value, LetterState.SENDING.value))
)
_STILL_HELD = (*_MINE, _C.lease_until == bindparam("held_until"))
_REQUEUE = (
    update(LETTERS)
    .where(*_STILL_HELD, _C.state == LetterState.CLAIMED.value)
    .values(state=LetterState.QUEUED.value, owner=None, lease_until=None)
)
_ABANDON = (
    update(LETTERS)
    .where(*_STILL_HELD, _C.state.in_((LetterState.CLAIMED.value, LetterState.SENDING.value)))
    .values(**_NEW_OUTCOME)
)


def _claimed(row: Any) -> Claimed:
    email = OutgoingEmail(
        purpose=Purpose(row.purpose),
        from_name=row.from_name,
        from_address=row.from_address,
        to_address=row.to_address,
        reply_to=row.reply_to or "",
        subject=row.subject,
        body=row.body,
        message_id=row.message_id,
        in_reply_to=row.in_reply_to,
        references=tuple(row.references_.split()),
        automatic=row.automatic,
    )
    return Claimed(row.id, row.attempts, email)


def _outcome(
    state: LetterState, now: datetime, *, reply: str, error: str | None
) -> dict[str, object]:
    return {
        "new_state": state.value,
        "new_reply": reply or None,
        "new_error": error,
        "new_sent_at": None,
        "new_settled_at": now,
    }


def _settle(session: Executor, letter_id: int, owner: str, outcome: dict[str, object]) -> bool:
    return _changed(session, _SETTLE, {"letter": letter_id, "me": owner} | outcome)


def _changed(session: Executor, statement: Executable, values: Mapping[str, object]) -> bool:
    return cast(CursorResult[Any], session.execute(statement, values)).rowcount == 1
