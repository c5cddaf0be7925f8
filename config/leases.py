"""Who may do what only one may do at a time: a lease, by the clock of the database.

Every process asks the same clock, so no two of them can disagree about when a lease ends. Whoever
acts under a lease proves in the very transaction that stores something that it is still his: the
epoch rises with every change of hands, and a former owner cannot store anything any more, however
long it was asleep. (A lock held by a connection would not do: the server can give it to another
while its first owner still believes in it.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    Double,
    FunctionElement,
    Insert,
    String,
    Table,
    bindparam,
    case,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler

from config.database import Base
from config.errors import KithError


class LeaseLostError(KithError):
    """Somebody else holds the lease by now; nothing of the transaction may be kept."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Another process took over {name!r}; it goes on with the work.")


class LeaseRow(Base):
    """One thing that only one process does at a time, and who does it until when.

    `until` is the database's own clock in seconds since 1970.
    """

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(340), primary_key=True)
    owner: Mapped[str] = mapped_column(String(200))
    epoch: Mapped[int]
    until: Mapped[float] = mapped_column(Double)


@dataclass(frozen=True, slots=True)
class Lease:
    """Leave to do what `name` stands for; `epoch` tells this ownership from all before it."""

    name: str
    owner: str
    epoch: int


class database_seconds(FunctionElement[float]):  # noqa: N801 (it reads as an SQL function)
    """The database's clock, in seconds since 1970; it goes on within a transaction."""

    type = Double()
    inherit_cache = True


@compiles(database_seconds, "sqlite")
def _sqlite_seconds(_element: object, _compiler: SQLCompiler, **_: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_seconds, "postgresql")
def _postgresql_seconds(_element: object, _compiler: SQLCompiler, **_: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


LEASES = cast(Table, LeaseRow.__table__)
_OVER = LEASES.c.until <= database_seconds()
_END = database_seconds() + bindparam("seconds", type_=Double())
_MINE = (
    LEASES.c.name == bindparam("this"),
    LEASES.c.owner == bindparam("me"),
    LEASES.c.epoch == bindparam("mine"),
)

# Built once: to build a statement costs more than to run it.


def _take(make: Callable[[Table], Any]) -> Insert:
    new = make(LEASES).values(name=bindparam("this"), owner=bindparam("me"), epoch=1, until=_END)
    is_renewal = (LEASES.c.owner == new.excluded.owner) & ~_OVER
    taken = new.on_conflict_do_update(
        index_elements=[LEASES.c.name],
        set_={
            "owner": new.excluded.owner,
            "epoch": case((is_renewal, LEASES.c.epoch), else_=LEASES.c.epoch + 1),
            "until": _END,
        },
        where=or_(LEASES.c.owner == new.excluded.owner, _OVER),
    )
    return cast(Insert, taken.returning(LEASES.c.epoch))


_TAKE = {"sqlite": _take(sqlite.insert), "postgresql": _take(postgresql.insert)}
_HOLDER = select(LEASES.c.owner, LEASES.c.epoch).where(LEASES.c.name == bindparam("this"))
_INHERIT = (
    update(LEASES)
    .where(*_MINE)
    .values(owner=bindparam("heir"), epoch=LEASES.c.epoch + 1, until=_END)
    .returning(LEASES.c.epoch)
)
_KEEP = update(LEASES).where(*_MINE).values(until=_END)
_GIVE_UP = update(LEASES).where(*_MINE).values(until=0.0)


def take_lease(
    session: Session,
    name: str,
    *,
    owner: str,
    seconds: float,
    is_gone: Callable[[str], bool] = lambda _: False,
) -> Lease | None:
    """Return the lease on `name`, ours for `seconds` once committed; None while another has it.

    An owner that takes its own running lease again keeps the epoch. A lease that ended goes to
    whoever asks first; so does a running one whose owner `is_gone` for certain.
    """
    take = _TAKE[session.get_bind().dialect.name]
    values = {"this": name, "me": owner, "seconds": seconds}
    epoch: int | None = session.execute(take, values).scalar_one_or_none()
    if epoch is None:
        epoch = _inherit(session, name, owner, seconds, is_gone)
    return None if epoch is None else Lease(name, owner, epoch)


def _inherit(
    session: Session, name: str, owner: str, seconds: float, is_gone: Callable[[str], bool]
) -> int | None:
    holder = session.execute(_HOLDER, {"this": name}).one_or_none()
    if holder is None or not is_gone(holder.owner):
        return None
    values = {"this": name, "me": holder.owner, "mine": holder.epoch}
    heir = {"heir": owner, "seconds": seconds}
    found: int | None = session.execute(_INHERIT, values | heir).scalar_one_or_none()
    return found


def keep_lease(session: Session, lease: Lease, seconds: float) -> None:
    """Make sure that the lease is still ours, and let it run for `seconds` from now.

    Until the transaction ends nobody can take it over. Raises `LeaseLostError` if somebody has;
    one that merely ran out is still ours.
    """
    values = {"this": lease.name, "me": lease.owner, "mine": lease.epoch, "seconds": seconds}
    if cast(CursorResult[Any], session.execute(_KEEP, values)).rowcount != 1:
        raise LeaseLostError(lease.name)


def give_up_lease(session: Session, lease: Lease) -> None:
    """Let others have it at once; does nothing if they have it already."""
    values = {"this": lease.name, "me": lease.owner, "mine": lease.epoch}
    session.execute(_GIVE_UP, values)
