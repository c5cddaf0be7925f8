"""An empty database, upgraded, has exactly the tables of the models."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import casework.models  # noqa: F401  (completes the metadata)
from casework.schema import OutdatedSchemaError, check_schema, open_database, upgrade
from config.database import Base, DatabaseUnreachableError, make_engine
from config.settings import DatabaseSettings, Settings


def test_the_upgraded_database_equals_the_models(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []


def test_an_empty_database_is_refused_with_the_command_that_cures_it(
    empty_database_url: str,
) -> None:
    engine = make_engine(empty_database_url)
    with pytest.raises(OutdatedSchemaError, match="kith db upgrade"):
        check_schema(engine)
    upgrade(engine)
    upgrade(engine)
    check_schema(engine)
    engine.dispose()


def test_looking_at_the_schema_makes_no_file(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(OutdatedSchemaError, match="no tables yet"):
        open_database(settings)
    assert list(tmp_path.iterdir()) == []


def test_looking_at_the_schema_waits_for_no_writer(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine)
    with engine.begin():
        check_schema(engine)
    engine.dispose()


@pytest.mark.parametrize("url", ["postgresql://kith:s3cret@127.0.0.1:1/cases", "sqlite:///{}"])
def test_a_database_that_cannot_be_reached_is_told_as_such(url: str, tmp_path: Path) -> None:
    given = url.format(tmp_path / "none" / "kith.sqlite3")
    with pytest.raises(DatabaseUnreachableError, match="cannot be reached"):
        upgrade(make_engine(given))
    with pytest.raises(DatabaseUnreachableError, match="cannot be reached"):
        open_database(Settings(database=DatabaseSettings(url=given)))
