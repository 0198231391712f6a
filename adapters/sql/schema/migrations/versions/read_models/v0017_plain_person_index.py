"""On MariaDB a plain index of persons, so that a sign-in locks no other person's rows."""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect

revision = "0017"
down_revision = "0016"
PART = "after"


def upgrade() -> None:
    """Replace the unique index in one statement."""
    context = op.get_context()
    if context.opts["database"] not in {"mariadb", "mysql"}:
        return
    table, old = context.opts["tables"].installation, "person"
    if not context.as_sql:
        # The statement commits at once, and the run may have been killed then.
        unique = inspect(op.get_bind()).get_unique_constraints(table.name, table.schema)
        names = [key["name"] for key in unique if key["column_names"] == ["person", "ordinal"]]
        if not names:
            return
        old = names[0] or old
    quote = context.dialect.identifier_preparer
    new = quote.quote(f"{table.name.removesuffix('installation')}person_devices")
    op.execute(
        f"ALTER TABLE {quote.format_table(table)}"
        f" DROP INDEX {quote.quote(old)}, ADD INDEX {new} (person, ordinal)"
    )
