"""The database that a replay fills: empty, and not the source."""

from collections.abc import Callable

from sqlalchemy import Engine, MetaData, inspect, select

from config.database import READING, Base, reaching, sqlite_file
from config.errors import KithError


class SameDatabaseError(KithError):
    """The replay would write into the very database that it reads."""

    def __init__(self) -> None:
        super().__init__(
            "--into names the database that Kith works with. Name another, empty one, or leave "
            "--into out: then a file in the data directory is used, and removed afterwards."
        )


class NotEmptyError(KithError):
    """There is something in the target already."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The database named by --into is not empty: its table {table} has rows. A replay only "
            "fills an empty database; nothing was changed."
        )


def check_target(source: Engine, target: Engine) -> None:
    """Raise `SameDatabaseError` or `NotEmptyError` for a database that must not be filled.

    Tables of other programs count as well. Makes nothing, but an empty SQLite file.
    """
    if _place(source) == _place(target):
        raise SameDatabaseError
    with reaching(target), target.execution_options(**{READING: True}).connect() as connection:
        found = MetaData()
        found.reflect(connection)
        for table in found.sorted_tables:
            is_bookkeeping = table.name == "alembic_version"
            if not is_bookkeeping and connection.execute(select(table).limit(1)).first():
                raise NotEmptyError(table.name)


def make_ready(target: Engine, upgrade: Callable[[Engine], None]) -> None:
    """Give the target its tables, unless it has them."""
    with target.execution_options(**{READING: True}).connect() as connection:
        present = set(inspect(connection).get_table_names())
    if not set(Base.metadata.tables) <= present:
        upgrade(target)


def _place(engine: Engine) -> tuple[object, ...]:
    url = engine.url
    file = sqlite_file(url.render_as_string(hide_password=False))
    if file is not None:
        return ("sqlite", file.resolve())
    return (url.get_backend_name(), url.host, url.port, url.database)
