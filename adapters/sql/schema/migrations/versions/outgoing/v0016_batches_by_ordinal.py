"""The batches that an installation was in are found without reading the others."""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect

revision = "0016"
down_revision = "0015"
PART = "after"


def upgrade() -> None:
    """Make the index."""
    event = op.get_context().opts["tables"].event
    prefix: str = event.name.removesuffix("event")
    table, index = f"{prefix}push_batch", f"{prefix}push_batch_attempt"
    if not op.get_context().as_sql:
        # MariaDB commits it at once, and the run may have been killed then.
        made = inspect(op.get_bind()).get_indexes(table, event.schema)
        if index in {each["name"] for each in made}:
            return
    op.create_index(index, table, ["dispatch", "attempt", "first_ordinal"], schema=event.schema)
