"""Circuit breakers: when something goes round in circles, Kith files on and falls silent.

    all:hour  all:day      no automatic letter to anybody; ends when the count is under half the cap
    address:...            none to one address; ends after a day
    cap:...                stops nothing more than the cap itself does; only so that people are told

A person may close any of them before its time. Each is told once to the people in charge.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import CursorResult, Executable, String, Table, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from config.database import Base, CleanText, UtcDateTime
from replies.caps import Cap

SILENT_FOR = timedelta(hours=24)
"""How long an address is not answered after its breaker opened."""
NAMES_FOR_ALL = {Cap.HOUR: "all:hour", Cap.DAY: "all:day"}
ONLY_TOLD = "cap:"


class BreakerRow(Base):
    """The last time that a breaker opened; `key` is the address or domain that it is about."""

    __tablename__ = "breakers"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    key: Mapped[str | None] = mapped_column(CleanText)
    reason: Mapped[str] = mapped_column(CleanText)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(CleanText)


@dataclass(frozen=True, slots=True)
class Breaker:
    """An open breaker. `name` and `reason` name nobody; `key` does and is for volunteers only.

    `ends_at` is None for one that ends when there is room again.
    """

    name: str
    key: str | None
    reason: str
    opened_at: datetime
    ends_at: datetime | None

    @property
    def stops_all(self) -> bool:
        """Return whether nobody at all gets an automatic letter."""
        return self.name in NAMES_FOR_ALL.values()


def breaker_of_address(to_key: str) -> str:
    """Return the name of the breaker of an address, as `address_key` makes it."""
    return f"address:{_hash(to_key)}"


def notice_of_cap(cap: Cap, key: str) -> str:
    """Return the name under which people are told that a domain or subject hit its cap."""
    return f"{ONLY_TOLD}{cap.name.lower()}:{_hash(key)}"


def open_breaker(
    session: Session,
    name: str,
    *,
    key: str | None,
    reason: str,
    now: datetime,
    ends_at: datetime | None,
) -> bool:
    """Open the breaker; False, and nothing changes, if it is open already."""
    values = {"name": name, "key": key, "reason": reason, "opened_at": now, "ends_at": ends_at}
    statement = _OPEN[session.get_bind().dialect.name]
    return session.execute(statement, values).first() is not None


def close_breaker(session: Session, name: str, *, by: str, now: datetime) -> bool:
    """Let automatic letters go again before the time; False if the breaker was not open.

    If what opened it goes on, it opens again, and people are told again.
    """
    return _changed(session, _CLOSE, {"wanted": name, "who": by, "at": now})


def breakers_among(session: Session, names: Collection[str], now: datetime) -> dict[str, Breaker]:
    """Return those of these breakers that are open, by name."""
    if not names:
        return {}
    rows = session.execute(_AMONG, {"wanted": list(names), "at": now}).all()
    return {row.name: Breaker(*row) for row in rows}


def open_breakers(session: Session, now: datetime) -> tuple[Breaker, ...]:
    """Return every breaker that stops letters now, the longest open first."""
    rows = session.execute(_ALL_OPEN, {"at": now}).all()
    return tuple(Breaker(*row) for row in rows if not row.name.startswith(ONLY_TOLD))


def untold_breakers(session: Session) -> tuple[Breaker, ...]:
    """Return what opened since people were last told, even if it has ended meanwhile."""
    return tuple(Breaker(*row) for row in session.execute(_UNTOLD).all())


def mark_told(session: Session, breaker: Breaker, now: datetime) -> bool:
    """Say that people are told of it; False if somebody else did, or it opened anew since."""
    values = {"wanted": breaker.name, "opened": breaker.opened_at, "at": now}
    return _changed(session, _TELL, values)


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "replace")).hexdigest()[:24]


def _changed(session: Session, statement: Any, values: Mapping[str, object]) -> bool:
    return cast(CursorResult[Any], session.execute(statement, values)).rowcount == 1


def _opening(make: Callable[[Table], Any]) -> Executable:
    new = make(_BREAKERS)
    over = or_(_C.closed_at.is_not(None), _C.ends_at <= new.excluded.opened_at)
    anew = {name: new.excluded[name] for name in ("key", "reason", "opened_at", "ends_at")}
    statement = new.on_conflict_do_update(
        index_elements=[_C.name],
        set_=anew | {"told_at": None, "closed_at": None, "closed_by": None},
        where=over,
    )
    return cast(Executable, statement.returning(_C.name))


# Statements are built once, since to build one costs more than to run it.
_BREAKERS = cast(Table, BreakerRow.__table__)
_C = _BREAKERS.c
_SHOWN = (_C.name, _C.key, _C.reason, _C.opened_at, _C.ends_at)
_IS_OPEN = (_C.closed_at.is_(None), or_(_C.ends_at.is_(None), _C.ends_at > bindparam("at")))
_OPEN = {"sqlite": _opening(sqlite.insert), "postgresql": _opening(postgresql.insert)}
_CLOSE = (
    update(_BREAKERS)
    .where(_C.name == bindparam("wanted"), *_IS_OPEN)
    .values(closed_at=bindparam("at"), closed_by=bindparam("who"))
)
_AMONG = select(*_SHOWN).where(_C.name.in_(bindparam("wanted", expanding=True)), *_IS_OPEN)
_ALL_OPEN = select(*_SHOWN).where(*_IS_OPEN).order_by(_C.opened_at, _C.name)
_UNTOLD = select(*_SHOWN).where(_C.told_at.is_(None)).order_by(_C.opened_at, _C.name)
_TELL = (
    update(_BREAKERS)
    .where(_C.name == bindparam("wanted"), _C.opened_at == bindparam("opened"))
    .where(_C.told_at.is_(None))
    .values(told_at=bindparam("at"))
)
