"""How tables are named, how time and text are stored, how an engine is made."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    MetaData,
    Table,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import DateTime, Text, TypeDecorator

from config.errors import KithError
from config.process_identity import can_tell_restarts
from config.scrubbing import scrub

Sessions = sessionmaker[Session]
"""What a function takes that owns its transactions: `with sessions.begin() as session: ...`"""

BUSY_TIMEOUT_MS = 30_000
READING = "kith_reading"
DURABLE = "kith_durable"


DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"})
OWNER_ONLY_FILE = 0o600


class DatabaseUrlError(KithError):
    """The database setting is not a URL that Kith can use; the URL is not shown: see its password.

    `problem` must hold nothing of the URL but its scheme.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The setting database.url {problem}. Give a URL that begins with sqlite:/// or "
            "postgresql://, or none for a SQLite file in data_dir."
        )


class DatabaseUnreachableError(KithError):
    """The database does not answer, cannot be opened, or lets Kith do nothing in it.

    `reason` is told as it stands, but for the password.
    """

    def __init__(self, url: URL, reason: str) -> None:
        super().__init__(
            f"The database {_shown(url)} cannot be reached ({_without_secrets(reason, url)}). "
            f"{_remedy(url)}"
        )


def _shown(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return f"{url.database or ''} on {url.host or 'this computer'}"


def _without_secrets(reason: str, url: URL) -> str:
    secrets = (url.password, url.query.get("password"), url.query.get("sslpassword"))
    for secret in filter(None, secrets):
        reason = reason.replace(str(secret), "***")
    return " ".join(reason.split()).removesuffix(".")


def _remedy(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return (
            "Check database.url and data_dir, and that this user may read and write there. "
            "`kith db upgrade` makes data_dir; any other directory you must make yourself."
        )
    return "Check that it runs, and the host, the name, the user and the password in database.url."


class Base(DeclarativeBase):
    """The one metadata; constraint names are fixed so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; naive values are refused, since SQLite would silently mix them up."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back: SQLite forgets the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CleanText(TypeDecorator[str]):
    """Text from outside: whatever came past the door, NUL and lone surrogates do not come in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Scrub, since PostgreSQL would refuse the row and SQLite would cut the text."""
        return None if value is None else scrub(value)


def make_engine(url: str) -> Engine:
    """Return an engine for SQLite (WAL, foreign keys, BEGIN IMMEDIATE) or PostgreSQL.

    A SQLite file that it makes can be read by its owner only. Its errors do not quote the values
    of a statement: they are people's letters. Raises `DatabaseUrlError` for any other URL, and on
    connecting `DatabaseUnreachableError` where a new SQLite file cannot be made.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, hide_parameters=True)
        if sqlite_file(url) is not None:
            event.listen(engine, "do_connect", _make_sqlite_file)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine
    try:
        return create_engine(parsed, hide_parameters=True)
    except ImportError:
        raise DatabaseUrlError("needs the package psycopg, which is not installed") from None


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite database; None for PostgreSQL, memory and SQLite's own URIs.

    Raises `DatabaseUrlError`.
    """
    parsed = _parsed(url)
    name = parsed.database or ":memory:"
    is_file = parsed.get_backend_name() == "sqlite" and not name.startswith((":memory:", "file:"))
    return Path(name) if is_file else None


@contextmanager
def reaching(engine: Engine) -> Iterator[None]:
    """Raise `DatabaseUnreachableError` when the database, not the program, fails in the block."""
    try:
        yield
    except DBAPIError as error:
        if not _is_from_outside(error):
            raise
        raise DatabaseUnreachableError(engine.url, str(error.orig)) from None


def _is_from_outside(error: DBAPIError) -> bool:
    not_connected = error.statement is None
    # SQLite raises the bare DatabaseError for a file that is damaged or no database.
    gone = type(error) in {DatabaseError, OperationalError, InterfaceError}
    not_allowed = getattr(error.orig, "sqlstate", None) == "42501"  # insufficient_privilege
    return not_connected or gone or not_allowed


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise DatabaseUrlError("is not a URL") from None
    if parsed.drivername not in DRIVERS:
        raise DatabaseUrlError(f"begins with {parsed.drivername}://, which Kith cannot use")
    if "@" in (parsed.host or ""):  # the rest of the password would be shown as the host
        raise DatabaseUrlError("has an @ too many; write one inside a password as %40")
    return parsed


def make_sessions(engine: Engine) -> Sessions:
    """Return the factory of sessions; values stay readable after commit."""
    return sessionmaker(engine, expire_on_commit=False)


Executor = Session | Connection
"""What a function takes that only runs statements, in whatever transaction is open."""


def connection_of(sessions: Sessions) -> Connection:
    """Return a connection of its own, for work whose transactions are many and small."""
    engine: Engine = sessions.kw["bind"]
    return engine.connect()


@contextmanager
def durable_transaction(connection: Connection) -> Iterator[None]:
    """Commit at the end and return only when it, and all before it, would survive a power cut."""
    connection.execution_options(**{DURABLE: True})
    try:
        with connection.begin():
            yield
    finally:
        connection.execution_options(**{DURABLE: False})


def readers(sessions: Sessions) -> Sessions:
    """Return sessions of the same database that only read: on SQLite they wait for no writer."""
    engine: Engine = sessions.kw["bind"]
    return sessionmaker(engine.execution_options(**{READING: True}), expire_on_commit=False)


def _make_sqlite_file(
    _dialect: Dialect, _record: object, arguments: list[Any], _options: dict[str, Any]
) -> None:
    # SQLite would make it as the umask has it, mostly readable by everybody; its WAL and SHM files
    # take the mode of this one. A file that exists must not be opened here: closing it again would
    # drop the locks that this process holds on it by other connections.
    file = Path(arguments[0])
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNER_ONLY_FILE))
    except FileExistsError:
        return
    except OSError as error:
        missing = f"there is no directory {file.parent}"
        reason = missing if isinstance(error, FileNotFoundError) else error.strerror or "no access"
        raise DatabaseUnreachableError(URL.create("sqlite", database=str(file)), reason) from None


def reserve_ids(session: Session, table: Table, count: int) -> Iterator[int]:
    """Return `count` numbers that this transaction alone may give to new rows of `table`.

    Known in advance, they let rows that point at one another be written in bulk. On PostgreSQL they
    come from the sequence; on SQLite nobody else can write before this transaction ends.
    """
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, "id")
        numbers = select(func.nextval(sequence)).select_from(func.generate_series(1, count))
        return iter(session.execute(numbers).scalars().all())
    highest = session.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
    return iter(range(highest + 1, highest + 1 + count))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    run: Callable[[str], object] = connection.execute
    run(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    run("PRAGMA journal_mode = WAL")
    run("PRAGMA foreign_keys = ON")


def _begin_immediate(connection: Any) -> None:
    # A deferred BEGIN that reads and then writes fails at once with "database is locked" when
    # another process wrote in between, whatever the timeout; IMMEDIATE waits its turn.
    options = connection.get_execution_options()
    if options.get(READING, False):
        connection.exec_driver_sql("BEGIN")
        return
    # What is on its way to the disk when the power fails is lost unless the commit waits for it
    # (decision 6 says which must, and what the others rest on).
    waits = options.get(DURABLE, False) or not can_tell_restarts()
    connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if waits else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
