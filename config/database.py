"""How tables are named, how time and text are stored, how an engine is made."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, Engine, MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import DateTime, Text, TypeDecorator

from config.errors import KithError
from config.scrubbing import scrub

Sessions = sessionmaker[Session]
"""What a function takes that owns its transactions: `with sessions.begin() as session: ...`"""

BUSY_TIMEOUT_MS = 30_000
READING = "kith_reading"


class DatabaseUrlError(KithError):
    """The database setting is not a URL that Kith can use."""

    def __init__(self, url: str) -> None:
        shown = url.split("@")[-1]
        super().__init__(
            f"The database setting {shown!r} is not one Kith can use: give a URL that begins with "
            "sqlite:/// or postgresql://."
        )


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

    Its errors do not quote the values of a statement: they are people's letters.
    Raises `DatabaseUrlError` for any other URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUrlError(url) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(parsed, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine
    if backend == "postgresql":
        return create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    raise DatabaseUrlError(url)


def make_sessions(engine: Engine) -> Sessions:
    """Return the factory of sessions; values stay readable after commit."""
    return sessionmaker(engine, expire_on_commit=False)


def readers(sessions: Sessions) -> Sessions:
    """Return sessions of the same database that only read: on SQLite they wait for no writer."""
    engine: Engine = sessions.kw["bind"]
    return sessionmaker(engine.execution_options(**{READING: True}), expire_on_commit=False)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    run: Callable[[str], object] = connection.execute
    run(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    run("PRAGMA journal_mode = WAL")
    run("PRAGMA synchronous = FULL")  # a committed mail or letter survives a power cut
    run("PRAGMA foreign_keys = ON")


def _begin_immediate(connection: Any) -> None:
    # A deferred BEGIN that reads and then writes fails at once with "database is locked" when
    # another process wrote in between, whatever the timeout; IMMEDIATE waits its turn.
    reading = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
