"""Dispatches that are running are found without reading the others."""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect

revision = "0006"
down_revision = "0005"
PART = "before"


def upgrade() -> None:
    """Make the index."""
    event = op.get_context().opts["tables"].event
    prefix: str = event.name.removesuffix("event")
    table, index = f"{prefix}dispatch", f"{prefix}dispatch_state"
    if not op.get_context().as_sql:
        # MariaDB commits it at once, and the run may have been killed then.
        made = inspect(op.get_bind()).get_indexes(table, event.schema)
        if index in {each["name"] for each in made}:
            return
    op.create_index(index, table, ["state", "created_at"], schema=event.schema)
