"""Alembic's environment: it runs on the connection that `casework.schema` hands over."""

from typing import Any

from alembic import context
from sqlalchemy import Connection

import casework.models  # noqa: F401  (completes the metadata)
from config.database import Base


def run(connection: Connection) -> None:
    """Run the steps in one transaction; batch mode, since SQLite cannot alter a column."""
    options: dict[str, Any] = {
        "connection": connection,
        "target_metadata": Base.metadata,
        "render_as_batch": True,
        "compare_type": True,
    }
    context.configure(**options)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
