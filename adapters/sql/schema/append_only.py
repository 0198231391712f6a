"""The tables of ledger and seals reject updates and deletes by any client (R30)."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Dialect

from ..engine.dialects import DatabaseDialect
from ..engine.dialects.base import NEVER_CHANGED
from .tables import Schema

# Versions of other applications of `eventsourcing` may begin with 0; those of ours begin with 1.
IN_RANGE = "{row}position > 0 AND {row}version >= 0"
OUT_OF_RANGE = "positions of events begin with 1"


def triggers(dialect: DatabaseDialect, sql: Dialect, schema: Schema) -> Iterator[str]:
    """Yield the statements that make both tables append-only, and events begin with position 1.

    Args:
        dialect: the database's.
        sql: SQLAlchemy's, which quotes names.
        schema: the tables; their names go into those of the triggers.
    """
    for table, what in ((schema.event, "events"), (schema.seal, "seals")):
        yield from dialect.append_only(sql, table, f"{what} {NEVER_CHANGED}")
    yield from dialect.in_range(sql, schema.event, IN_RANGE, OUT_OF_RANGE)
