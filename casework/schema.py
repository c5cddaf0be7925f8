"""Is the database's schema the one this version of Kith works with, and how to make it so."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from casework.environment import current_settings
from casework.oauth_client import token_file
from config.database import READING, Sessions, make_engine, make_sessions, reaching, sqlite_file
from config.errors import KithError
from config.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"


class OutdatedSchemaError(KithError):
    """The database is older (or newer) than the program."""

    def __init__(self, found: str | None, wanted: str | None) -> None:
        if found is None:
            story = "The database has no tables yet"
        else:
            story = f"The database is at step {found}, this version of Kith works with {wanted}"
        super().__init__(f"{story}. Run: kith db upgrade")


class DirectoryError(KithError):
    """A directory of Kith's own cannot be made."""

    def __init__(self, directory: Path, problem: str) -> None:
        super().__init__(
            f"The directory {directory} cannot be made ({problem}). Check data_dir, or make it "
            "yourself for the user that Kith runs as."
        )


def open_database(settings: Settings) -> Sessions:
    """Return the sessions of the settings' database, once its schema is found to be the newest.

    Raises `DatabaseUrlError`, `DatabaseUnreachableError` or `OutdatedSchemaError`.
    """
    engine = make_engine(settings.database_url)
    check_schema(engine)
    return make_sessions(engine)


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to the newest step, or to `revision`; doing it twice changes nothing.

    Raises `DatabaseUnreachableError`.
    """
    with (
        reaching(engine),
        engine.connect() as connection,
        _without_foreign_keys(connection),
        connection.begin(),
    ):
        command.upgrade(_config(connection), revision)
        _refuse_broken_keys(connection)


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Let SQLite make tables anew: else it would refuse to drop one that others point at.

    The switch works between transactions only.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def _refuse_broken_keys(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        assert broken is None, f"the upgrade would leave {broken[0]} pointing nowhere"


def check_schema(engine: Engine) -> None:
    """Raise `OutdatedSchemaError`, which names the cure, unless the schema is the newest.

    Makes nothing, not even an empty SQLite file. Raises `DatabaseUnreachableError`.
    """
    wanted = ScriptDirectory.from_config(_config(None)).get_current_head()
    if _is_yet_to_be_made(engine):
        raise OutdatedSchemaError(None, wanted)
    reader = engine.execution_options(**{READING: True})
    with reaching(engine), reader.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != wanted:
        raise OutdatedSchemaError(found, wanted)


def _is_yet_to_be_made(engine: Engine) -> bool:
    file = sqlite_file(engine.url.render_as_string(hide_password=False))
    if file is None:
        return False
    try:
        return file.parent.is_dir() and not file.exists()
    except OSError:  # not even to be looked at: connecting tells why
        return False


def make_private_directory(directory: Path) -> None:
    """Make a directory, and those above it that are missing, for this user alone (0700).

    One that exists stays as it is. Raises `DirectoryError`.
    """
    try:
        chain = (directory, *directory.parents)
        missing = list(takewhile(lambda each: not each.exists(), chain))
        for each in reversed(missing):
            each.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    except OSError as error:
        raise DirectoryError(directory, error.strerror or "no access") from None


def exposed_files(settings: Settings) -> tuple[Path, ...]:
    """Return what other users of this computer may read and should not.

    Looked at are the data directory, the SQLite file with its WAL and SHM, and the files of the
    passwords. Members of the group do not count. Raises `DatabaseUrlError`.
    """
    return tuple(each for each in dict.fromkeys(_secret_files(settings)) if _others_may_read(each))


def _secret_files(settings: Settings) -> Iterator[Path]:
    yield settings.data_dir
    database = sqlite_file(settings.database_url)
    if database is not None:
        yield from (database.with_name(database.name + end) for end in ("", "-wal", "-shm"))
    files = [server.password_file for server in (*settings.all_mailboxes.values(), settings.smtp)]
    files += [settings.oauth.client_secret_file, token_file(settings, settings.oauth.provider)]
    yield from (file for file in files if file is not None)


def _others_may_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@click.group()
def db() -> None:
    """Look after the database."""


@db.command(name="upgrade")
def upgrade_command() -> None:
    """Bring the database's tables up to date (also makes them the first time)."""
    settings = current_settings()
    make_private_directory(settings.data_dir)
    upgrade(make_engine(settings.database_url))
    click.echo("The database is up to date.")
