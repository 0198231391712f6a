"""When dispatches that are scheduled leave, and an index of it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, inspect

revision = "0014"
down_revision = "0013"
PART = "before"


def upgrade() -> None:
    """Add the column, of which rows of earlier code have none, and the index."""
    event = op.get_context().opts["tables"].event
    prefix: str = event.name.removesuffix("event")
    table, index = f"{prefix}dispatch", f"{prefix}dispatch_starts_at"
    # MariaDB commits each at once, and the run may have been killed then.
    made = {"if_not_exists": True} if op.get_context().opts["database"] == "mariadb" else {}
    op.add_column(table, Column[object]("starts_at", BigInteger), schema=event.schema, **made)
    if not op.get_context().as_sql:
        there = inspect(op.get_bind()).get_indexes(table, event.schema)
        if index in {each["name"] for each in there}:
            return
    op.create_index(index, table, ["state", "starts_at", "id"], schema=event.schema)
