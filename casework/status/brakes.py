"""What holds automatic letters back: open breakers, and addresses that letters do not reach."""

from datetime import datetime

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from casework.breakers import NAMES_FOR_ALL, ONLY_TOLD, BreakerRow
from casework.status.model import Brakes, OpenBreaker
from replies.suspension import SuspendedAddress


def read_brakes(session: Session, now: datetime) -> Brakes:
    """Return what is held back now; whom it concerns is not read."""
    rows = session.execute(_OPEN, {"at": now}).all()
    senders = [OpenBreaker(row.name, row.opened_at) for row in rows if _is_of_one(row.name)]
    return Brakes(
        senders=tuple(senders),
        all_stopped=any(row.name in NAMES_FOR_ALL.values() for row in rows),
        caps_reached=sum(row.name.startswith(ONLY_TOLD) for row in rows),
        suspended_addresses=session.execute(_SUSPENDED).scalar_one(),
    )


def _is_of_one(name: str) -> bool:
    return name not in NAMES_FOR_ALL.values() and not name.startswith(ONLY_TOLD)


# Statements are built once: to build one costs more than to run it.
_OPEN = (
    select(BreakerRow.name, BreakerRow.opened_at)
    .where(
        BreakerRow.closed_at.is_(None),
        or_(BreakerRow.ends_at.is_(None), BreakerRow.ends_at > bindparam("at")),
    )
    .order_by(BreakerRow.opened_at, BreakerRow.name)
)
_SUSPENDED = (
    select(func.count()).select_from(SuspendedAddress).where(SuspendedAddress.lifted_at.is_(None))
)
