"""Is the database's schema the one this version of Kith works with, and how to make it so."""

from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from casework.environment import current_settings
from config.database import make_engine
from config.errors import KithError

MIGRATIONS = Path(__file__).parent / "migrations"


class OutdatedSchemaError(KithError):
    """The database is older (or newer) than the program."""

    def __init__(self, found: str | None, wanted: str | None) -> None:
        if found is None:
            story = "The database has no tables yet"
        else:
            story = f"The database is at step {found}, this version of Kith works with {wanted}"
        super().__init__(f"{story}. Run: kith db upgrade")


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest step; doing it twice changes nothing."""
    with engine.begin() as connection:
        command.upgrade(_config(connection), "head")


def check_schema(engine: Engine) -> None:
    """Raise `OutdatedSchemaError`, which names the cure, unless the schema is the newest."""
    wanted = ScriptDirectory.from_config(_config(None)).get_current_head()
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != wanted:
        raise OutdatedSchemaError(found, wanted)


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
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(make_engine(settings.database_url))
    click.echo("The database is up to date.")
