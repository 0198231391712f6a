"""Events begin with position 1, nothing replaces a row, and seals name the identifier key."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, String

revision = "0003"
down_revision = "0002"
PART = "before"

# By SQLAlchemy's name of the database. Rows that exist are not looked at: `verify` does that.
STATEMENTS = {
    "sqlite": """
CREATE TRIGGER {schema}{event_no_REPLACE} BEFORE INSERT ON {event}
WHEN EXISTS (SELECT 1 FROM {event}
WHERE position = NEW.position)
OR EXISTS (SELECT 1 FROM {event}
WHERE stream = NEW.stream AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'events are never changed or deleted'); END
;
CREATE TRIGGER {schema}{seal_no_REPLACE} BEFORE INSERT ON {seal}
WHEN EXISTS (SELECT 1 FROM {seal}
WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'seals are never changed or deleted'); END
;
CREATE TRIGGER {schema}{event_in_range} AFTER INSERT ON {event}
WHEN NOT (NEW.position > 0 AND NEW.version >= 0)
BEGIN SELECT RAISE(ABORT, 'positions of events begin with 1'); END
""",
    "postgresql": """
ALTER TABLE {schema}{event} ADD CONSTRAINT {event_in_range}
CHECK (position > 0 AND version >= 0) NOT VALID
""",
    "mariadb": """
CREATE TRIGGER IF NOT EXISTS {schema}{event_in_range} AFTER INSERT ON {schema}{event} FOR EACH ROW
IF NOT (NEW.position > 0 AND NEW.version >= 0) THEN
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'positions of events begin with 1'; END IF
""",
}
STATEMENTS["mysql"] = STATEMENTS["mariadb"]
NAMES = ("event", "seal", "event_no_REPLACE", "seal_no_REPLACE", "event_in_range")


def exact(length: int) -> String:
    """Return a string column that compares character by character on every database."""
    return (
        String(length)
        .with_variant(String(length, collation="utf8mb4_nopad_bin"), "mariadb")
        .with_variant(String(length, collation="utf8mb4_0900_bin"), "mysql")
    )


def upgrade() -> None:
    """Add triggers or a constraint, and the column."""
    context = op.get_context()
    schema: str | None = context.opts["tables"].event.schema
    prefix: str = context.opts["tables"].event.name.removesuffix("event")
    quote = context.dialect.identifier_preparer.quote
    column = Column[object]("key_fingerprint", exact(50))
    database: str = context.opts["database"]
    # MariaDB commits each, and a run may have been killed.
    made = {"if_not_exists": True} if database == "mariadb" else {}
    op.add_column(f"{prefix}seal", column, schema=schema, **made)
    statements = STATEMENTS[database].format(
        schema=f"{quote(schema)}." if schema else "",
        **{name: quote(f"{prefix}{name}") for name in NAMES},
    )
    for statement in statements.split("\n;"):
        op.execute(statement.replace(":", r"\:"))
