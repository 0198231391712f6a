"""Addresses in columns of their own go; only code before 0008 reads them."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
PART = "after"


def upgrade() -> None:
    """Drop the table."""
    event = op.get_context().opts["tables"].event
    op.drop_table(
        f"{event.name.removesuffix('event')}address",
        schema=event.schema,
        # MariaDB commits it at once, and the run may have been killed then.
        if_exists=not op.get_context().as_sql,
    )
