"""The ledger's table refuses to change what it holds, whoever asks (R30)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import DDL, Table, event

REFUSAL = "events are never changed or deleted"

SQLITE = """
CREATE TRIGGER IF NOT EXISTS %(table)s_no_{verb} BEFORE {verb} ON %(table)s
BEGIN SELECT RAISE(ABORT, '{refusal}'); END
"""

POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION %(table)s_refuse() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$
"""

POSTGRESQL_TRIGGER = """
CREATE TRIGGER %(table)s_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON %(table)s
FOR EACH STATEMENT EXECUTE FUNCTION %(table)s_refuse()
"""

MARIADB = """
CREATE TRIGGER %(table)s_no_{verb} BEFORE {verb} ON %(table)s FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{refusal}'
"""
MARIADB_AND_MYSQL = ("mariadb", "mysql")


def guard(table: Table) -> None:
    """Have the table refuse updates and deletes from its creation on.

    Args:
        table: the ledger's; its name goes into those of the triggers.
    """
    for verb in ("UPDATE", "DELETE"):
        after_create(table, SQLITE.format(verb=verb, refusal=REFUSAL), "sqlite")
        after_create(table, MARIADB.format(verb=verb, refusal=REFUSAL), *MARIADB_AND_MYSQL)
    after_create(table, POSTGRESQL_FUNCTION.format(refusal=REFUSAL), "postgresql")
    after_create(table, POSTGRESQL_TRIGGER, "postgresql")


def seed(table: Table, names: Sequence[str]) -> None:
    """Have the settings table hold the slots that order writers, where the database needs them."""
    rows = ", ".join(f"('{name}', '')" for name in names)
    after_create(table, f"INSERT INTO %(table)s VALUES {rows}", *MARIADB_AND_MYSQL)  # noqa: S608 # our own names


def after_create(table: Table, statement: str, *dialects: str) -> None:
    """Have a statement run when the table is created on one of the dialects."""
    for dialect in dialects:
        ddl = DDL(statement)  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped
        event.listen(table, "after_create", ddl.execute_if(dialect=dialect))
