"""The ledger and its read models, as of 0.1.0."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
PART = "before"

Counter = BigInteger().with_variant(Integer, "sqlite")
Bytes = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")

# By SQLAlchemy's name of the database.
TRIGGERS = {
    "sqlite": """
CREATE TRIGGER {schema}{no_UPDATE} BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{refusal}'); END
;
CREATE TRIGGER {schema}{no_DELETE} BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{refusal}'); END
""",
    "postgresql": """
CREATE OR REPLACE FUNCTION {schema}{refuse}() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$
;
CREATE TRIGGER {no_change} BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}{table}
FOR EACH STATEMENT EXECUTE FUNCTION {schema}{refuse}()
""",
    "mariadb": """
CREATE TRIGGER IF NOT EXISTS {schema}{no_UPDATE} BEFORE UPDATE ON {schema}{table} FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{refusal}'
;
CREATE TRIGGER IF NOT EXISTS {schema}{no_DELETE} BEFORE DELETE ON {schema}{table} FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{refusal}'
""",
}
TRIGGERS["mysql"] = TRIGGERS["mariadb"]
NAMES = ("no_UPDATE", "no_DELETE", "no_change", "refuse")


def exact(length: int) -> String:
    """Return a string column that compares character by character on every database."""
    return (
        String(length)
        .with_variant(String(length, collation="utf8mb4_nopad_bin"), "mariadb")
        .with_variant(String(length, collation="utf8mb4_0900_bin"), "mysql")
    )


def upgrade() -> None:
    """Make the tables."""
    context = op.get_context()
    database: str = context.opts["database"]
    schema: str | None = context.opts["tables"].event.schema
    prefix: str = context.opts["tables"].event.name.removesuffix("event")

    def table(name: str, *parts: Column[object] | UniqueConstraint) -> Table:
        return op.create_table(
            f"{prefix}{name}",
            *parts,
            schema=schema,
            # MariaDB commits each, and a run may have been killed.
            if_not_exists=not context.as_sql,
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
    quote = context.dialect.identifier_preparer.quote
    name_of = context.dialect.identifier_preparer.format_table
    if database in {"mariadb", "mysql"}:
        op.execute(f"INSERT IGNORE INTO {name_of(chunk)} VALUES (0, 0, 0, 0, '')")  # noqa: S608 # our own names
        slots = ", ".join(f"('slot {n}', '')" for n in range(16))
        op.execute(f"INSERT IGNORE INTO {name_of(setting)} VALUES {slots}")  # noqa: S608 # our own names
    else:
        op.bulk_insert(chunk, [{"term": 0, "shard": 0, "card": 0, "checksum": 0, "data": b""}])
    for guarded, what in ((event, "events"), (seal, "seals")):
        names = {ending: quote(f"{guarded.name}_{ending}") for ending in NAMES}
        statements = TRIGGERS[database].format(
            schema=f"{quote(schema)}." if schema else "",
            table=quote(guarded.name),
            refusal=f"{what} are never changed or deleted",
            **names,
        )
        for statement in statements.split("\n;"):
            op.execute(statement.replace(":", r"\:"))
