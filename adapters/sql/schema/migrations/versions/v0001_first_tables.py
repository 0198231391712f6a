"""The ledger and its read models, as of 0.1.0."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    SmallInteger,
    Table,
    UniqueConstraint,
)

from addressee.adapters.sql.schema.append_only import guards
from addressee.adapters.sql.schema.tables import Bytes, Counter, exact

revision = "0001"
down_revision = None
PART = "before"


def upgrade() -> None:
    """Make the tables."""
    context = op.get_context()
    schema: str | None = context.opts["tables"].event.schema
    prefix: str = context.opts["tables"].event.name.removesuffix("event")

    def table(name: str, *parts: Column[object] | UniqueConstraint) -> Table:
        return op.create_table(
            f"{prefix}{name}",
            *parts,
            schema=schema,
            sqlite_autoincrement=name == "event",
            mysql_engine="InnoDB",
            mariadb_engine="InnoDB",
        )

    event = table(
        "event",
        Column("position", Counter, primary_key=True),
        Column("stream", exact(300), nullable=False),
        Column("version", Integer, nullable=False),
        Column("topic", exact(100), nullable=False),
        Column("state", Bytes, nullable=False),
        UniqueConstraint("stream", "version", name=f"{prefix}event_stream"),
    )
    seal = table(
        "seal",
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("first_position", BigInteger, nullable=False),
        Column("last_position", BigInteger, nullable=False),
        Column("events", BigInteger, nullable=False),
        Column("digest", Bytes, nullable=False),
        Column("made_at", BigInteger, nullable=False),
    )
    table(
        "tracking",
        Column("application_name", exact(200), primary_key=True),
        Column("notification_id", BigInteger, nullable=False),
    )
    table(
        "projection",
        Column("name", exact(200), primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("holder", exact(50)),
        Column("until", BigInteger, nullable=False),
        Column("paused", SmallInteger, nullable=False),
        Column("problem_at", BigInteger),
        Column("problem", Bytes),
    )
    table(
        "set_aside",
        Column("projection", exact(200), primary_key=True),
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("problem", Bytes, nullable=False),
    )
    table(
        "installation",
        Column("ordinal", Integer, primary_key=True),
        Column("id", exact(256), nullable=False, unique=True),
        Column("application", exact(256), nullable=False),
        Column("person", exact(256)),
        Column("bound_at", BigInteger),
        UniqueConstraint("person", "ordinal"),
    )
    table(
        "holder",
        Column("claim", exact(48), primary_key=True),
        Column("person", exact(256), nullable=False),
    )
    table(
        "term",
        Column("number", Integer, primary_key=True),
        Column("application", exact(256), nullable=False),
        Column("term", exact(289), nullable=False),
        UniqueConstraint("application", "term", name=f"{prefix}term_name"),
    )
    chunk = table(
        "chunk",
        Column("term", Integer, primary_key=True, autoincrement=False),
        Column("shard", Integer, primary_key=True, autoincrement=False),
        Column("card", Integer, nullable=False),
        Column("checksum", BigInteger, nullable=False),
        Column("data", Bytes, nullable=False),
    )
    table(
        "delta",
        Column("sequence", Counter, primary_key=True),
        Column("term", Integer, nullable=False),
        Column("ordinal", Integer, nullable=False),
        Column("present", SmallInteger, nullable=False),
        UniqueConstraint("term", "sequence"),
    )
    table(
        "segment",
        Column("application", exact(256), primary_key=True),
        Column("name", exact(100), primary_key=True),
        Column("expression", Bytes, nullable=False),
    )
    table(
        "touch",
        Column("installation", exact(256), primary_key=True),
        Column("at", BigInteger, nullable=False),
    )
    table(
        "application",
        Column("code", exact(256), primary_key=True),
        Column("settings", Bytes, nullable=False),
    )
    table(
        "api_key",
        Column("name", exact(50), primary_key=True),
        Column("application", exact(256), nullable=False),
        Column("scope", exact(50), nullable=False),
        Column("digest", Bytes, nullable=False),
    )
    setting = table(
        "setting",
        Column("name", exact(50), primary_key=True),
        Column("value", Bytes, nullable=False),
    )
    op.bulk_insert(chunk, [{"term": 0, "shard": 0, "card": 0, "checksum": 0, "data": b""}])
    for statement in guards(event, seal, setting, context.dialect.name):
        op.execute(statement.replace(":", r"\:"))
