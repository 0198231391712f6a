"""What the audience index was, and times of events; `addressee migrate` fills both."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, inspect
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"
PART = "before"

BYTES = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def upgrade() -> None:
    """Make the tables, and an index; earlier code leaves them alone."""
    event = op.get_context().opts["tables"].event
    prefix: str = event.name.removesuffix("event")
    # MariaDB commits each at once, and the run may have been killed then.
    there = not op.get_context().as_sql
    op.create_table(
        f"{prefix}index_mark",
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("settled", BigInteger, nullable=False),
        Column("last", BigInteger, nullable=False),
        Column("flips", BigInteger, nullable=False),
        schema=event.schema,
        if_not_exists=there,
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )
    op.create_table(
        f"{prefix}time_span",
        Column("last", BigInteger, primary_key=True, autoincrement=False),
        Column("earliest", BigInteger, nullable=False),
        Column("latest", BigInteger, nullable=False),
        schema=event.schema,
        if_not_exists=there,
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )
    table, index = f"{prefix}posting_change", f"{prefix}change_mark"
    op.create_table(
        table,
        Column("term", Integer, primary_key=True, autoincrement=False),
        Column("mark", Integer, primary_key=True, autoincrement=False),
        Column("checksum", BigInteger, nullable=False),
        Column("data", BYTES, nullable=False),
        schema=event.schema,
        if_not_exists=there,
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )
    if there:
        known = inspect(op.get_bind()).get_indexes(table, event.schema)
        if index in {each["name"] for each in known}:
            return
    op.create_index(index, table, ["mark"], schema=event.schema)
