"""What every test may ask for: a clock that stands still, databases, real mail servers."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import Engine, text

import casework.models  # noqa: F401  (it completes the metadata)
from config.database import Base, Sessions, make_engine, make_sessions
from tests.services.dovecot import DovecotServer, start_dovecot
from tests.services.places import ServiceMissingError
from tests.services.postgres import PostgresServer, start_postgres
from tests.services.smtp import SmtpSink

BACKENDS = ("sqlite", "postgresql")


@pytest.fixture
def now() -> datetime:
    """Return the moment at which tests happen: late on a Tuesday evening, as so much mail does."""
    return datetime(2026, 11, 24, 23, 41, tzinfo=UTC)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'kith.sqlite3'}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Give a PostgreSQL server of the tests' own."""
    try:
        server = start_postgres(tmp_path_factory.mktemp("postgres"))
    except ServiceMissingError as missing:
        _do_without(missing)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def dovecot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DovecotServer]:
    """Give a Dovecot of the tests' own; take a user name that no other test takes."""
    try:
        server = start_dovecot(tmp_path_factory.mktemp("dovecot"))
    except ServiceMissingError as missing:
        _do_without(missing)
    yield server
    server.stop()


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    """Give an SMTP server that keeps what it is given."""
    with SmtpSink() as sink:
        yield sink


@dataclass(frozen=True)
class _ReusedDatabase:
    """One PostgreSQL database with all tables, emptied after each test instead of made anew."""

    server: PostgresServer
    url: str

    def empty(self) -> None:
        names = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
        self.server.disconnect_all(self.url)
        engine = make_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        engine.dispose()


@pytest.fixture(scope="session")
def _reused_database(postgres: PostgresServer) -> Iterator[_ReusedDatabase]:
    url = postgres.create_database()
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    yield _ReusedDatabase(postgres, url)
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def _sqlite_with_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one SQLite file with all tables, to be copied: much faster than making them anew."""
    path = tmp_path_factory.mktemp("sqlite") / "kith.sqlite3"
    engine = make_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[str]:
    """Give the URL of a database with all tables and no rows, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("_sqlite_with_tables")
        shutil.copyfile(template, sqlite_url.removeprefix("sqlite:///"))
        yield sqlite_url
        return
    reused: _ReusedDatabase = request.getfixturevalue("_reused_database")
    yield reused.url
    reused.empty()


@pytest.fixture(params=BACKENDS)
def empty_database_url(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[str]:
    """Give the URL of a database without any table, for tests that make the tables themselves."""
    if request.param == "sqlite":
        yield sqlite_url
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Give an engine on `database_url`."""
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Sessions:
    """Return the factory of sessions on `engine`."""
    return make_sessions(engine)


def _do_without(missing: ServiceMissingError) -> NoReturn:
    # A test that did not run proves nothing, so where nobody reads the output it must not pass.
    reason = f"{missing} Tests that need it were NOT run."
    if os.environ.get("CI", "").lower() in {"true", "1", "yes"}:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
