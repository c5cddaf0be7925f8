"""Addresses that letters did not reach: nothing goes there by itself until a person says so.

A failure for good suspends the address at once, and so does a complaint; of failures for now it
takes several in a week. People may still write to a suspended address: only automatic mail stops.
Whoever reports a failure here has made sure that it is true (`casework.returned`).
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    Executable,
    ForeignKey,
    Index,
    Insert,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from config.database import Base, CleanText, UtcDateTime
from replies.outbox import OutboxEmail, cancel_automatic

WEEK = timedelta(days=7)
UNREACHABLE = "A mail server reported that letters to this address cannot be delivered."
OFTEN_UNREACHED = "Several letters in a week did not reach this address."
COMPLAINT = "A mail provider reported that our letter to this address was marked as spam."


class SuspendedAddress(Base):
    """An address that gets no automatic mail, until `lifted_at`; `key` as `address_key` makes it.

    The row stays when a person lifts the suspension, and is used anew should letters fail again.
    """

    __tablename__ = "suspended_addresses"

    key: Mapped[str] = mapped_column(CleanText, primary_key=True)
    reason: Mapped[str] = mapped_column(CleanText)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_by: Mapped[str | None] = mapped_column(CleanText)


class FailedDelivery(Base):
    """A letter of ours that did not arrive; however many servers report it, it is one failure.

    `status` is as RFC 3463 has it, or empty.
    """

    __tablename__ = "failed_deliveries"
    __table_args__ = (
        UniqueConstraint("letter_id", "permanent"),
        Index("ix_failed_deliveries_to_key_at", "to_key", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    to_key: Mapped[str] = mapped_column(CleanText)
    letter_id: Mapped[int] = mapped_column(ForeignKey(OutboxEmail.id))
    status: Mapped[str] = mapped_column(String(20))
    permanent: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Suspension:
    """One address that is suspended now, for a person to see."""

    key: str
    reason: str
    since: datetime


def note_failed_delivery(
    session: Session,
    *,
    to_key: str,
    letter_id: int,
    status: str,
    permanent: bool,
    now: datetime,
    soft_failures_per_week: int,
) -> bool:
    """Write down that a letter of ours did not arrive; return whether that suspends the address.

    `permanent` does at once; else `soft_failures_per_week` different letters do (0: never).
    False for an address that was suspended before.
    """
    row = {"to_key": to_key, "letter_id": letter_id, "status": status[:20]}
    session.execute(_NOTE[_dialect(session)], row | {"permanent": permanent, "at": now})
    if permanent:
        return suspend(session, to_key, reason=UNREACHABLE, now=now)
    if not soft_failures_per_week or _soft_failures(session, to_key, now) < soft_failures_per_week:
        return False
    return suspend(session, to_key, reason=OFTEN_UNREACHED, now=now)


def suspend(session: Session, to_key: str, *, reason: str, now: datetime) -> bool:
    """Stop all automatic mail to this address, and take back what has not left yet.

    Returns whether it was not suspended before. Two that do so at once do no harm.
    """
    values = {"key": to_key, "reason": reason, "since": now}
    is_new = session.execute(_SUSPEND[_dialect(session)], values).first() is not None
    cancel_automatic(session, to_key, now=now, reason=reason)
    return is_new


def lift_suspension(session: Session, to_key: str, *, by: str, now: datetime) -> bool:
    """Let automatic mail go to this address again; return whether it was suspended.

    Failures for now from before that moment are not counted any more.
    """
    values = {"wanted": to_key, "who": by, "when": now}
    return cast(CursorResult[Any], session.execute(_LIFT, values)).rowcount == 1


def suspended_among(session: Session, keys: Collection[str]) -> frozenset[str]:
    """Return those of these addresses that get no automatic mail."""
    if not keys:
        return frozenset()
    return frozenset(session.execute(_AMONG, {"wanted": list(keys)}).scalars())


def suspended_addresses(session: Session) -> tuple[Suspension, ...]:
    """Return every suspended address, the longest suspended first."""
    return tuple(Suspension(*row) for row in session.execute(_ALL).all())


def failures_known_of(session: Session, letter_ids: Iterable[int]) -> frozenset[int]:
    """Return those of these letters of which a failure is written down already."""
    wanted = list(letter_ids)
    if not wanted:
        return frozenset()
    return frozenset(session.execute(_KNOWN, {"wanted": wanted}).scalars())


def _soft_failures(session: Session, to_key: str, now: datetime) -> int:
    """Return how many letters failed for now in a week, since a person last lifted it."""
    since = now - WEEK
    lifted_at: datetime | None = session.execute(_LIFTED, {"wanted": to_key}).scalar_one_or_none()
    if lifted_at is not None:
        since = max(since, lifted_at)
    return session.execute(_SOFT, {"wanted": to_key, "since": since}).scalar_one()


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _suspending(make: Callable[[Table], Any]) -> Executable:
    new = make(_ADDRESSES)
    anew = {"reason": new.excluded.reason, "since": new.excluded.since}
    statement = new.on_conflict_do_update(
        index_elements=[_ADDRESSES.c.key],
        set_=anew | {"lifted_at": None, "lifted_by": None},
        where=_ADDRESSES.c.lifted_at.is_not(None),
    )
    return cast(Executable, statement.returning(_ADDRESSES.c.key))


def _noting(make: Callable[[Table], Any]) -> Insert:
    return cast(Insert, make(_FAILURES).on_conflict_do_nothing())


# Statements are built once, since to build one costs more than to run it.
_ADDRESSES = cast(Table, SuspendedAddress.__table__)
_FAILURES = cast(Table, FailedDelivery.__table__)
_IS_SUSPENDED = _ADDRESSES.c.lifted_at.is_(None)
_SUSPEND = {
    "sqlite": _suspending(sqlite.insert),
    "postgresql": _suspending(postgresql.insert),
}
_NOTE = {"sqlite": _noting(sqlite.insert), "postgresql": _noting(postgresql.insert)}
_LIFT = (
    update(_ADDRESSES)
    .where(_ADDRESSES.c.key == bindparam("wanted"), _IS_SUSPENDED)
    .values(lifted_at=bindparam("when"), lifted_by=bindparam("who"))
)
_AMONG = select(_ADDRESSES.c.key).where(
    _ADDRESSES.c.key.in_(bindparam("wanted", expanding=True)), _IS_SUSPENDED
)
_ALL = (
    select(_ADDRESSES.c.key, _ADDRESSES.c.reason, _ADDRESSES.c.since)
    .where(_IS_SUSPENDED)
    .order_by(_ADDRESSES.c.since, _ADDRESSES.c.key)
)
_LIFTED = select(_ADDRESSES.c.lifted_at).where(_ADDRESSES.c.key == bindparam("wanted"))
_SOFT = (
    select(func.count())
    .select_from(_FAILURES)
    .where(
        _FAILURES.c.to_key == bindparam("wanted"),
        _FAILURES.c.at > bindparam("since"),
        _FAILURES.c.permanent.is_(False),
    )
)
_KNOWN = select(_FAILURES.c.letter_id).where(
    _FAILURES.c.letter_id.in_(bindparam("wanted", expanding=True))
)
