"""Columns for lookups and sessions; the next `addressee migrate` fills them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, SmallInteger, inspect

revision = "0007"
down_revision = "0006"
PART = "before"


def upgrade() -> None:
    """Add the columns, of which rows of earlier code have none, and the index."""
    event = op.get_context().opts["tables"].event
    prefix: str = event.name.removesuffix("event")
    table, index = f"{prefix}installation", f"{prefix}session_idle"
    # MariaDB commits each at once, and the run may have been killed then.
    made = {"if_not_exists": True} if op.get_context().opts["database"] == "mariadb" else {}
    for column in (Column[object]("flags", SmallInteger), Column("idle_from", BigInteger)):
        op.add_column(table, column, schema=event.schema, **made)
    if not op.get_context().as_sql:
        there = inspect(op.get_bind()).get_indexes(table, event.schema)
        if index in {each["name"] for each in there}:
            return
    op.create_index(index, table, ["application", "idle_from"], schema=event.schema)
