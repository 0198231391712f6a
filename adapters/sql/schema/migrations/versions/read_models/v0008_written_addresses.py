"""Addresses in one column, which is faster to read; the next `addressee migrate` fills it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, LargeBinary
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"
PART = "before"

BYTES = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
WRITTEN = {
    "sqlite": "cast(since || char(0) || cast(details as text) || char(0) || service || char(0)"
    " || cast(address as text) as blob)",
    "postgresql": "convert_to(since::text, 'UTF8') || '\\x00'::bytea || details || '\\x00'::bytea"
    " || convert_to(service, 'UTF8') || '\\x00'::bytea || address",
    "mariadb": "concat(cast(since as char), 0x00, details, 0x00, service, 0x00, address)",
}
"""Time, details, service and address, with a zero byte in between."""
WRITTEN["mysql"] = WRITTEN["mariadb"]


def upgrade() -> None:
    """Make the table and copy what is there; earlier code goes on writing the old one."""
    options = op.get_context().opts
    event = options["tables"].event
    prefix: str = event.name.removesuffix("event")
    quote = op.get_bind().dialect.identifier_preparer.quote
    place = f"{quote(event.schema)}." if event.schema else ""
    op.create_table(
        f"{prefix}push_address",
        Column("ordinal", Integer, primary_key=True, autoincrement=False),
        Column("written", BYTES, nullable=False),
        schema=event.schema,
        # MariaDB commits it at once, and the run may have been killed then.
        if_not_exists=not op.get_context().as_sql,
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )
    written = WRITTEN[options["database"]]
    made, old = (f"{place}{quote(prefix + name)}" for name in ("push_address", "address"))
    op.execute(f"DELETE FROM {made}")  # noqa: S608 # our own names
    op.execute(f"INSERT INTO {made} (ordinal, written) SELECT ordinal, {written} FROM {old}")  # noqa: S608 # likewise
