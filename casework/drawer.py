"""Rows that nothing later in the same transaction reads: put by, and written together at its end.

Filing a mail writes to many tables. Written one by one, the statements cost more than all the
judging; of a batch of mails each table needs but one.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Insert, Update
from sqlalchemy.orm import Session

from config.database import Base

Row = Mapping[str, Any]


class Drawer:
    """Belongs to one transaction; `empty` must be called before it commits."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: dict[Insert | Update, list[Row]] = {}

    def put(self, statement: Insert | Update, row: Row) -> None:
        """Keep a row for later; all rows of one statement must name the same columns."""
        self._rows.setdefault(statement, []).append(row)

    def empty(self) -> None:
        """Write all rows: first into the tables that others point at."""
        kept, self._rows = self._rows, {}
        places = {table.name: place for place, table in enumerate(Base.metadata.sorted_tables)}
        for statement in sorted(kept, key=lambda each: places[str(each.table)]):
            self._session.execute(statement, kept[statement])
