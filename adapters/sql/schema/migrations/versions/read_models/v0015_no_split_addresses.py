"""Addresses in columns of their own go; only code before 0008 reads them."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
PART = "after"


def upgrade() -> None:
    """Drop the table, and what a rebuild by earlier code that was killed has left of it."""
    event = op.get_context().opts["tables"].event
    for name in ("address", "shadow_address", "old_address"):
        # MariaDB commits each at once, and the run may have been killed then.
        op.drop_table(event.name.removesuffix("event") + name, schema=event.schema, if_exists=True)
