"""What a transaction does first, so that tables are swapped before it or after it, never within.

A rebuild swaps the tables of read models. To SQLite that is one change of many, which a transaction
sees or does not see. PostgreSQL and MariaDB look a name up when it is used, so a view that began
before a swap could find the new table with less in it than there should be. There a reader locks
the tables, which only a swap minds, and then takes its view. A writer on PostgreSQL looks anew with
each statement, and holds what it has used; on MariaDB it shares a slot (ordering.py), which a swap
takes for itself.
"""

from __future__ import annotations

from ..event_store.positions import slot_now
from ..schema.tables import Schema


def before_reading(schema: Schema, dialect: str) -> str:
    """Return the statement; nothing where none is needed."""
    tables = [table.fullname for table in schema.swapped.values()]
    if dialect == "postgresql":
        return f"LOCK TABLE {', '.join(tables)} IN ACCESS SHARE MODE"
    if dialect in {"mariadb", "mysql"}:
        return f"SELECT 1 FROM {', '.join(tables)} LIMIT 0"  # noqa: S608 # our own names
    return ""


def before_writing(schema: Schema, dialect: str) -> str:
    """Return the same for a transaction that changes read models, at this moment."""
    if dialect in {"mariadb", "mysql"}:
        table = schema.setting.fullname
        return f"SELECT 1 FROM {table} WHERE name = '{slot_now()}' LOCK IN SHARE MODE"  # noqa: S608 # our own names
    return ""
