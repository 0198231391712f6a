"""Pushes that are sent, in batches."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import Constraint

revision = "0004"
down_revision = "0003"
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

    def table(name: str, *parts: Column[object] | Constraint) -> None:
        op.create_table(
            f"{prefix}{name}",
            *parts,
            schema=event.schema,
            mysql_engine="InnoDB",
            mariadb_engine="InnoDB",
        )

    table(
        "dispatch",
        Column("id", exact(64), primary_key=True),
        Column("application", exact(256), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("state", exact(20), nullable=False),
        Column("next_ordinal", Integer, nullable=False),
        Column("batches", Integer, nullable=False),
        Column("body", BYTES, nullable=False),
        UniqueConstraint("application", "created_at", "id", name=f"{prefix}dispatch_newest"),
    )
    table(
        "push_batch",
        Column("dispatch", exact(64), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("application", exact(256), nullable=False),
        Column("first_ordinal", Integer, nullable=False),
        Column("last_ordinal", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("left_at", BigInteger, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("worker", exact(64), nullable=False),
        Column("due", BigInteger),
        Column("leaving", Integer, nullable=False),
        Column("accepted", Integer, nullable=False),
        Column("dead", Integer, nullable=False),
        Column("rejected", Integer, nullable=False),
        Column("retry", Integer, nullable=False),
        Column("unknown", Integer, nullable=False),
        Column("retried", Integer, nullable=False),
        Column("not_sent", Integer, nullable=False),
        Column("members", BYTES, nullable=False),
        Column("fates", BYTES, nullable=False),
        UniqueConstraint("dispatch", "due", "number", name=f"{prefix}push_batch_due"),
        UniqueConstraint(
            "application",
            "first_ordinal",
            "dispatch",
            "number",
            name=f"{prefix}push_batch_members",
        ),
    )
