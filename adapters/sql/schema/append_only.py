"""The tables of ledger and seals refuse to change what they hold, whoever asks (R30)."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Dialect

from ..engine.dialects import DatabaseDialect
from .tables import Schema

REFUSAL = "{what} are never changed or deleted"


def triggers(dialect: DatabaseDialect, sql: Dialect, schema: Schema) -> Iterator[str]:
    """Yield the statements that make both tables append-only.

    Args:
        dialect: the database's.
        sql: SQLAlchemy's, which quotes names.
        schema: the tables; their names go into those of the triggers.
    """
    for table, what in ((schema.event, "events"), (schema.seal, "seals")):
        yield from dialect.append_only(sql, table, REFUSAL.format(what=what))
