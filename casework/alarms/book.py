"""The book of alarms: which trouble began or ended, and whether somebody was told of it.

It is kept among the pulses, so it survives restarts, and of several machines only the one whose
row changed tells. If the power fails between a note here and the telling, the note is still untold
and is taken up again ten minutes later: told twice, at worst, rather than never.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Executable, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from casework.pulses import ALARM, LONGEST_NAME, PULSES
from casework.status.model import Trouble

TELL_AGAIN_AFTER = timedelta(minutes=10)


class RingState(StrEnum):
    """What an alarm says of its trouble."""

    BEGUN = "begun"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Ring:
    """Something to be told once: a trouble that began or is over. `since` is when it began.

    `claimed_at` proves that it is ours to tell. `command_told`: the command has been run for it.
    """

    key: str
    state: RingState
    words: str
    remedy: str
    since: datetime
    claimed_at: datetime
    command_told: bool = False


def note(session: Session, troubles: Sequence[Trouble], now: datetime) -> list[Ring]:
    """Write down which troubles began and which are over; return what this machine must tell."""
    now_bad = {_name(trouble.key): trouble for trouble in troubles if trouble.rings}
    rings: list[Ring] = []
    rows = session.execute(_BOOK).all()
    known_bad = {row.name for row in rows if row.problem is not None}
    for name, trouble in now_bad.items():
        if name not in known_bad:
            rings += _begun(session, name, trouble, now)
    for row in rows:
        if row.name in known_bad - now_bad.keys():
            rings += _over(session, row, now)
        elif _is_untold(row, now):
            rings += _again(session, row, now)
    return rings


def command_told(session: Session, ring: Ring) -> None:
    """Write down that the command was run for this."""
    _mark(session, ring, {"detail": _detail(ring, command_told=True)})


def told(session: Session, ring: Ring) -> None:
    """Write down that all who are to know have been told."""
    detail = _detail(ring, command_told=True)
    _mark(session, ring, {"detail": detail, "well_at": ring.claimed_at})


def _name(key: str) -> str:
    return f"{ALARM}{key}"[:LONGEST_NAME]


def _begun(session: Session, name: str, trouble: Trouble, now: datetime) -> Iterator[Ring]:
    ring = Ring(name.removeprefix(ALARM), RingState.BEGUN, trouble.words, trouble.remedy, now, now)
    row = {"name": name, "tried_at": now, "problem": trouble.words, "detail": _detail(ring)}
    statement = _BEGIN[session.get_bind().dialect.name]
    if session.execute(statement, row).scalar_one_or_none() is not None:
        yield ring


def _over(session: Session, row: Any, now: datetime) -> Iterator[Ring]:
    ring = _ring(row, RingState.OVER, now)
    values = {"wanted": row.name, "at": now, "new_detail": _detail(ring)}
    if session.execute(_END, values).scalar_one_or_none() is not None:
        yield ring


def _again(session: Session, row: Any, now: datetime) -> Iterator[Ring]:
    values = {"wanted": row.name, "at": now, "seen": row.tried_at}
    if session.execute(_TAKE_UP, values).scalar_one_or_none() is not None:
        state = RingState.OVER if row.problem is None else RingState.BEGUN
        yield _ring(row, state, now, command_told=bool(row.detail.get("command_told")))


def _is_untold(row: Any, now: datetime) -> bool:
    is_told = row.well_at is not None and row.well_at >= row.tried_at
    return not is_told and now - row.tried_at > TELL_AGAIN_AFTER


def _ring(row: Any, state: RingState, now: datetime, *, command_told: bool = False) -> Ring:
    detail = row.detail
    return Ring(
        key=row.name.removeprefix(ALARM),
        state=state,
        words=str(detail.get("words", "")),
        remedy=str(detail.get("remedy", "")),
        since=datetime.fromisoformat(str(detail.get("since", row.tried_at.isoformat()))),
        claimed_at=now,
        command_told=command_told,
    )


def _detail(ring: Ring, *, command_told: bool = False) -> dict[str, object]:
    return {
        "words": ring.words,
        "remedy": ring.remedy,
        "since": ring.since.isoformat(),
        "command_told": command_told,
    }


def _mark(session: Session, ring: Ring, values: dict[str, object]) -> None:
    mine = (PULSES.c.name == _name(ring.key), PULSES.c.tried_at == ring.claimed_at)
    session.execute(update(PULSES).where(*mine).values(values))


def _begin(dialect: str) -> Executable:
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    insert = make(PULSES)
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=[PULSES.c.name],
        set_={"tried_at": new.tried_at, "problem": new.problem, "detail": new.detail},
        where=PULSES.c.problem.is_(None),
    ).returning(PULSES.c.name)


_C = PULSES.c
_BOOK = select(_C.name, _C.tried_at, _C.well_at, _C.problem, _C.detail).where(
    _C.name.startswith(ALARM),
    or_(_C.problem.is_not(None), _C.well_at.is_(None), _C.well_at < _C.tried_at),
)
_BEGIN = {dialect: _begin(dialect) for dialect in ("sqlite", "postgresql")}
_END = (
    update(PULSES)
    .where(_C.name == bindparam("wanted"), _C.problem.is_not(None))
    .values(tried_at=bindparam("at"), problem=None, detail=bindparam("new_detail"))
    .returning(_C.name)
)
_TAKE_UP = (
    update(PULSES)
    .where(_C.name == bindparam("wanted"), _C.tried_at == bindparam("seen"))
    .values(tried_at=bindparam("at"))
    .returning(_C.name)
)
