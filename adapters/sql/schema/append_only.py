"""The tables of ledger and seals refuse to change what they hold, whoever asks (R30)."""

from __future__ import annotations

from sqlalchemy import Table

from .tables import SLOT_NAMES

REFUSAL = "{what} are never changed or deleted"

SQLITE = """
CREATE TRIGGER IF NOT EXISTS %(schema_)s%(name)s_no_{verb} BEFORE {verb} ON %(name)s
BEGIN SELECT RAISE(ABORT, '{refusal}'); END
"""

POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION %(schema_)s%(name)s_refuse() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$
"""

POSTGRESQL_TRIGGER = """
CREATE TRIGGER %(name)s_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON %(schema_)s%(name)s
FOR EACH STATEMENT EXECUTE FUNCTION %(schema_)s%(name)s_refuse()
"""

MARIADB = """
CREATE TRIGGER %(schema_)s%(name)s_no_{verb} BEFORE {verb} ON %(schema_)s%(name)s FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{refusal}'
"""
MARIADB_AND_MYSQL = {"mariadb", "mysql"}


def guards(event: Table, seal: Table, setting: Table, dialect: str) -> list[str]:
    """Return what the ledger needs beside its tables: triggers, and slots where writers use them.

    Args:
        event: the ledger's table; its name goes into those of the triggers.
        seal: the seals' table; likewise.
        setting: the table of settings.
        dialect: name of the database's.
    """
    statements = [*triggers(event, "events", dialect), *triggers(seal, "seals", dialect)]
    if dialect in MARIADB_AND_MYSQL:
        rows = ", ".join(f"('{name}', '')" for name in SLOT_NAMES)
        statements.append(f"INSERT INTO {setting.fullname} VALUES {rows}")  # noqa: S608 # our own names
    return statements


def triggers(table: Table, what: str, dialect: str) -> list[str]:
    """Return what has a table refuse to change or delete what it holds."""
    statements: list[str] = []
    if dialect == "postgresql":
        statements = [POSTGRESQL_FUNCTION, POSTGRESQL_TRIGGER]
    elif dialect == "sqlite":
        statements = [SQLITE.replace("{verb}", verb) for verb in ("UPDATE", "DELETE")]
    elif dialect in MARIADB_AND_MYSQL:
        statements = [MARIADB.replace("{verb}", verb) for verb in ("UPDATE", "DELETE")]
    refusal = REFUSAL.format(what=what)
    names = {
        "name": table.name,
        "schema_": f"{table.schema}." if table.schema else "",
    }
    return [statement.replace("{refusal}", refusal) % names for statement in statements]
