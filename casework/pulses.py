"""Signs of life: when each job was last tried, when it last went well, and what is wrong.

One row for each thing that is watched ("poll <mailbox>", "deliver", "canary", "alarm <key>"), kept
in the database so that it survives a restart and every machine sees the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import JSON, Executable, String, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from config.database import Base, CleanText, Sessions, UtcDateTime

LONGEST_NAME = 320
POLL = "poll "
ALARM = "alarm "
DELIVER = "deliver"
CANARY = "canary"
REST = timedelta(seconds=60)
"""How long a heart rests between two beats that say the same."""


class PulseRow(Base):
    """The pulse of one thing that is watched."""

    __tablename__ = "pulses"

    name: Mapped[str] = mapped_column(String(LONGEST_NAME), primary_key=True)
    tried_at: Mapped[datetime] = mapped_column(UtcDateTime)
    well_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    problem: Mapped[str | None] = mapped_column(CleanText)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


PULSES = cast(Table, PulseRow.__table__)


@dataclass(frozen=True, slots=True)
class Pulse:
    """When something was last tried, when it was last well, and what is wrong with it now."""

    name: str
    tried_at: datetime
    well_at: datetime | None
    problem: str | None
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Return whether the last try went well."""
        return self.problem is None


def beat(
    session: Session,
    name: str,
    now: datetime,
    *,
    problem: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Note that `name` was tried now: it went well, unless there is a `problem` in words.

    The words are shown and mailed, so they must hold no name, subject or address. `detail` (values
    that JSON can hold) replaces what was kept with the pulse; None leaves that as it was.
    """
    row = {
        "name": name[:LONGEST_NAME],
        "tried_at": now,
        "well_at": None if problem else now,
        "problem": problem or None,
        "detail": dict(detail or {}),
    }
    session.execute(_statement(session, keeps_detail=detail is None), row)


class Heart:
    """Beats for the jobs of one process that run each second, without writing each time."""

    def __init__(self, sessions: Sessions, *, rest: timedelta = REST) -> None:
        self._sessions = sessions
        self._rest = rest
        self._last: dict[str, tuple[datetime, str | None]] = {}

    def beat(self, name: str, now: datetime, *, problem: str | None = None) -> bool:
        """Note how `name` went if that is news or the last note is old; return whether it was."""
        at, before = self._last.get(name, (now - self._rest, None))
        # abs: a clock that was set back must not silence us until it has caught up.
        if abs(now - at) < self._rest and problem == before:
            return False
        with self._sessions.begin() as session:
            beat(session, name, now, problem=problem)
        self._last[name] = (now, problem)
        return True


def pulse_of(session: Session, name: str) -> Pulse | None:
    """Return the pulse of `name`, or None if it was never tried."""
    row = session.execute(_ONE, {"wanted": name[:LONGEST_NAME]}).one_or_none()
    return None if row is None else Pulse(*row)


def all_pulses(session: Session) -> dict[str, Pulse]:
    """Return every pulse by its name, but for the book of alarms."""
    return {row.name: Pulse(*row) for row in session.execute(_ALL).all()}


def poll_pulse(mailbox: str) -> str:
    """Return the name of the pulse of looking into this mailbox."""
    return f"{POLL}{mailbox}"[:LONGEST_NAME]


def _statement(session: Session, *, keeps_detail: bool) -> Executable:
    return _BEATS[session.get_bind().dialect.name, keeps_detail]


def _upsert(dialect: str, *, keeps_detail: bool) -> Executable:
    """Return the statement that writes a pulse; a failure keeps the moment of the last success."""
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    insert = make(PULSES)
    new = insert.excluded
    changes: dict[str, Any] = {
        "tried_at": new.tried_at,
        "well_at": func.coalesce(new.well_at, PULSES.c.well_at),
        "problem": new.problem,
    }
    if not keeps_detail:
        changes["detail"] = new.detail
    return insert.on_conflict_do_update(index_elements=[PULSES.c.name], set_=changes)


# Statements are built once: to build one costs more than to run it.
_BEATS = {
    (dialect, keeps): _upsert(dialect, keeps_detail=keeps)
    for dialect in ("sqlite", "postgresql")
    for keeps in (True, False)
}
_COLUMNS = (
    PULSES.c.name,
    PULSES.c.tried_at,
    PULSES.c.well_at,
    PULSES.c.problem,
    PULSES.c.detail,
)
_ONE = select(*_COLUMNS).where(PULSES.c.name == bindparam("wanted"))
_ALL = select(*_COLUMNS).where(~PULSES.c.name.startswith(ALARM)).order_by(PULSES.c.name)
