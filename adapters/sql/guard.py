"""The ledger's table refuses to change what it holds, whoever asks (R30)."""

from __future__ import annotations

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


def guard(table: Table) -> None:
    """Have the table refuse updates and deletes from its creation on.

    Args:
        table: the ledger's; its name goes into those of the triggers.
    """
    statements = [
        *(("sqlite", SQLITE.format(verb=verb, refusal=REFUSAL)) for verb in ("UPDATE", "DELETE")),
        ("postgresql", POSTGRESQL_FUNCTION.format(refusal=REFUSAL)),
        ("postgresql", POSTGRESQL_TRIGGER),
    ]
    for dialect, statement in statements:
        refuse = DDL(statement)  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped
        event.listen(table, "after_create", refuse.execute_if(dialect=dialect))
