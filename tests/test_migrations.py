"""An empty database, upgraded, has exactly the tables of the models."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import casework.models  # noqa: F401  (completes the metadata)
from casework.schema import OutdatedSchemaError, check_schema, upgrade
from config.database import Base, make_engine


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
