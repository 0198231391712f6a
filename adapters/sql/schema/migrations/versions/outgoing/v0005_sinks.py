"""Facts that go to other services: how much each sink has, and dead letters."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary, SmallInteger, String
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
PART = "before"

BYTES = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def exact(length: int) -> String:
    """Return a string column that compares character by character."""
    return (
        String(length)
        .with_variant(String(length, collation="utf8mb4_nopad_bin"), "mariadb")
        .with_variant(String(length, collation="utf8mb4_0900_bin"), "mysql")
    )


def upgrade() -> None:
    """Make the tables."""
    event = op.get_context().opts["tables"].event
    prefix: str = event.name.removesuffix("event")

    def table(name: str, *parts: Column[object]) -> None:
        op.create_table(
            f"{prefix}{name}",
            *parts,
            schema=event.schema,
            mysql_engine="InnoDB",
            mariadb_engine="InnoDB",
        )

    table(
        "sink",
        Column("name", exact(200), primary_key=True),
        Column("resend_to", BigInteger, nullable=False),
        Column("sent", BigInteger, nullable=False),
        Column("retried", BigInteger, nullable=False),
    )
    table(
        "dead_letter",
        Column("sink", exact(200), primary_key=True),
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("at", BigInteger, nullable=False),
        Column("resend", SmallInteger, nullable=False),
        Column("reason", BYTES, nullable=False),
    )
