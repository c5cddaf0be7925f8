"""Who works on which mail: claims with a lease, held, given back, or freed from the dead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    bindparam,
    case,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from config.errors import KithError
from intake.inbox.ledger import RECEIVED, MailState, ReceivedMail

# Built once: to build a statement costs more than to run it.
_HOLD = (
    select(RECEIVED.c.id)
    .where(
        RECEIVED.c.id.in_(bindparam("wanted", expanding=True)),
        RECEIVED.c.owner == bindparam("me"),
        RECEIVED.c.state == MailState.RECEIVED.value,
    )
    .order_by(RECEIVED.c.id)
    .with_for_update()
)


# Whoever had it in hand until its lease ended was never heard of again.
_ABANDONED_ONCE_MORE = case(
    (RECEIVED.c.owner.is_not(None), RECEIVED.c.abandoned + 1), else_=RECEIVED.c.abandoned
)


class ClaimLostError(KithError):
    """Somebody else took the mail over in the meantime; what was done must not be kept."""

    def __init__(self, received_id: int) -> None:
        super().__init__(f"Received mail {received_id} was taken over by another worker.")


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A received mail that this worker may work on until its lease ends.

    `is_silent`: it came long ago, or was seen before, so its sender gets no automatic letter.
    `abandoned` workers died with it in hand.
    """

    id: int
    sha256: str
    size: int
    is_whole: bool
    internal_date: datetime
    failures: int
    is_silent: bool = False
    abandoned: int = 0


def claim_next(
    session: Session, *, now: datetime, owner: str, lease: timedelta, limit: int
) -> list[ClaimedMail]:
    """Claim up to `limit` received mails, oldest first, for `owner` until `now + lease`.

    A mail that was in the hands of a worker that died comes last and alone: should this worker die
    too, it is known of which.
    """
    untouched = _claim(session, now, owner, lease, limit, ReceivedMail.abandoned == 0)
    return untouched or _claim(session, now, owner, lease, 1, ReceivedMail.abandoned > 0)


def _claim(
    session: Session,
    now: datetime,
    owner: str,
    lease: timedelta,
    limit: int,
    which: ColumnElement[bool],
) -> list[ClaimedMail]:
    picked = (
        select(ReceivedMail.id)
        .where(
            ReceivedMail.state == MailState.RECEIVED,
            or_(ReceivedMail.lease_until.is_(None), ReceivedMail.lease_until < now),
            which,
        )
        .order_by(ReceivedMail.abandoned, ReceivedMail.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    claimed = (
        update(ReceivedMail)
        .where(ReceivedMail.id.in_(select(picked.c.id)))
        .values(owner=owner, lease_until=now + lease, abandoned=_ABANDONED_ONCE_MORE)
        .returning(
            ReceivedMail.id,
            ReceivedMail.sha256,
            ReceivedMail.size,
            ReceivedMail.is_whole,
            ReceivedMail.internal_date,
            ReceivedMail.failures,
            ReceivedMail.is_silent,
            ReceivedMail.abandoned,
        )
        .execution_options(synchronize_session=False)
    )
    rows: Sequence[Any] = session.execute(claimed).all()
    return sorted((ClaimedMail(*row) for row in rows), key=lambda mail: mail.id)


def hold(session: Session, received_ids: Sequence[int], *, owner: str) -> None:
    """Make sure that `owner` holds all these claims, and keep it so until the transaction ends.

    Raises `ClaimLostError` for the first that somebody else took over.
    """
    values = {"wanted": list(received_ids), "me": owner}
    held = set(session.execute(_HOLD, values).scalars())
    for received_id in received_ids:
        if received_id not in held:
            raise ClaimLostError(received_id)


def note_failure(session: Session, received_id: int, *, owner: str, retry_at: datetime) -> int:
    """Count a failed attempt and return the count; nobody claims the mail before `retry_at`."""
    statement = (
        update(ReceivedMail)
        .where(ReceivedMail.id == received_id, ReceivedMail.owner == owner)
        .values(failures=ReceivedMail.failures + 1, owner=None, lease_until=retry_at)
        .returning(ReceivedMail.failures)
        .execution_options(synchronize_session=False)
    )
    return session.execute(statement).scalar() or 0


def release(session: Session, received_ids: Sequence[int], *, owner: str) -> None:
    """Give claimed mails back that were not worked on."""
    session.execute(
        update(ReceivedMail)
        .where(ReceivedMail.id.in_(received_ids), ReceivedMail.owner == owner)
        .values(owner=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def release_own(session: Session, *, owner: str) -> int:
    """Free all mails that `owner` holds and has not settled; return how many.

    Only for an owner that works on nothing at this moment, such as after a job that failed.
    """
    freed = session.execute(
        update(ReceivedMail)
        .where(ReceivedMail.state == MailState.RECEIVED, ReceivedMail.owner == owner)
        .values(owner=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], freed).rowcount


def release_abandoned(session: Session, *, is_gone: Callable[[str], bool]) -> int:
    """Free the mails claimed by workers that are certainly dead; return how many workers."""
    claimed = select(ReceivedMail.owner).where(
        ReceivedMail.state == MailState.RECEIVED, ReceivedMail.owner.is_not(None)
    )
    gone = [
        owner for owner in session.execute(claimed.distinct()).scalars() if is_gone(owner or "")
    ]
    if gone:
        session.execute(
            update(ReceivedMail)
            .where(ReceivedMail.state == MailState.RECEIVED, ReceivedMail.owner.in_(gone))
            .values(owner=None, lease_until=None, abandoned=ReceivedMail.abandoned + 1)
            .execution_options(synchronize_session=False)
        )
    return len(gone)
