"""What holds automatic letters back: open breakers, and addresses that letters do not reach."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from replies.suspension import SuspendedAddress


@dataclass(frozen=True, slots=True)
class Brakes:
    """How much is held back; `all_stopped`: no automatic letter leaves at all."""

    open_breakers: int = 0
    all_stopped: bool = False
    suspended_addresses: int = 0


def read_brakes(session: Session, now: datetime) -> Brakes:
    """Return what is held back now."""
    del now
    return Brakes(suspended_addresses=session.execute(_SUSPENDED).scalar_one())


# Built once: to build a statement costs more than to run it.
_SUSPENDED = (
    select(func.count()).select_from(SuspendedAddress).where(SuspendedAddress.lifted_at.is_(None))
)
