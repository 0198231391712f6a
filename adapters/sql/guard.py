"""The ledger's table refuses to change what it holds, whoever asks (R30)."""

from __future__ import annotations

from sqlalchemy import Table

from .ordering import SLOT_NAMES

REFUSAL = "events are never changed or deleted"

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


def guards(event: Table, setting: Table, dialect: str) -> list[str]:
    """Return what the ledger needs beside its tables: triggers, and slots where writers use them.

    Args:
        event: the ledger's table; its name goes into those of the triggers.
        setting: the table of settings.
        dialect: name of the database's.
    """
    statements: list[str] = []
    if dialect == "postgresql":
        statements = [POSTGRESQL_FUNCTION, POSTGRESQL_TRIGGER]
    elif dialect == "sqlite":
        statements = [SQLITE.replace("{verb}", verb) for verb in ("UPDATE", "DELETE")]
    elif dialect in MARIADB_AND_MYSQL:
        rows = ", ".join(f"('{name}', '')" for name in SLOT_NAMES)
        statements = [MARIADB.replace("{verb}", verb) for verb in ("UPDATE", "DELETE")]
        statements.append(f"INSERT INTO {setting.fullname} VALUES {rows}")  # noqa: S608 # our own names
    names = {
        "name": event.name,
        "schema_": f"{event.schema}." if event.schema else "",
    }
    return [statement.replace("{refusal}", REFUSAL) % names for statement in statements]
