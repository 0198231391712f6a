"""Since when installations are anonymous; the next `addressee migrate` fills it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, inspect

revision = "0012"
down_revision = "0011"
PART = "before"


def upgrade() -> None:
    """Add the column, of which rows of earlier code have none, and the index."""
    event = op.get_context().opts["tables"].event
    prefix: str = event.name.removesuffix("event")
    table, index = f"{prefix}installation", f"{prefix}anonymous_idle"
    # MariaDB commits each at once, and the run may have been killed then.
    made = {"if_not_exists": True} if op.get_context().opts["database"] == "mariadb" else {}
    column = Column[object]("anonymous_from", BigInteger)
    op.add_column(table, column, schema=event.schema, **made)
    if not op.get_context().as_sql:
        there = inspect(op.get_bind()).get_indexes(table, event.schema)
        if index in {each["name"] for each in there}:
            return
    op.create_index(index, table, ["application", "anonymous_from"], schema=event.schema)
