"""A store's tables: made where there are none, refused where they are of an earlier release."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, inspect, select

from addressee.domain import StoreOutdated, StoreUnavailable

from ..engine.bulk_write import Rows
from ..engine.database import Database
from ..engine.dialects import Writers, dialect_of
from .append_only import triggers
from .bookkeeping_tables import COMPLETE, SLOT_NAMES
from .read_model_tables import FIRST_GENERATION
from .tables import NEEDED, REVISION, Schema


def prepare(database: Database, schema: Schema, *, create: bool) -> None:
    """Ensure that the tables exist and are no older than this release needs.

    Args:
        database: where.
        schema: the tables.
        create: make them where there are none.

    Raises:
        StoreUnavailable: there are none, and none are to be made.
        StoreOutdated: they need to be migrated.
    """
    with database.reading() as connection:
        revision = revision_of(connection, schema)
    if revision is None:
        if not create:
            raise StoreUnavailable("that database holds no store; `addressee apply` makes one")
        with database.alone() as connection:
            if revision_of(connection, schema) is None:
                create_tables(connection, schema)
    elif revision < NEEDED:
        raise StoreOutdated(revision, NEEDED)


def revision_of(connection: Connection, schema: Schema) -> str | None:
    """Return the last migration that the tables had; None where there are none."""
    table = schema.migration
    if not inspect(connection).has_table(table.name, table.schema):
        return None
    newest = select(func.max(table.c.version_num))
    return connection.execute(newest).scalar()


def create_tables(connection: Connection, schema: Schema) -> None:
    """Make all tables as the newest migration would leave them.

    Where statements commit by themselves, a process that was killed may have made some already.
    """
    dialect = dialect_of(connection)
    for statement in dialect.create_schema(schema.event.schema):
        connection.execute(statement)
    schema.metadata.create_all(connection)
    for trigger in triggers(dialect, connection.dialect, schema):
        connection.exec_driver_sql(trigger.replace("%", "%%"))
    write_first_rows(connection, schema)


def write_first_rows(connection: Connection, schema: Schema) -> None:
    """Write the rows that a store without events has."""
    if dialect_of(connection).writers is Writers.SHARE_ROWS:
        slots = [(name, b"") for name in SLOT_NAMES]
        Rows(schema.setting, "name", "value").write(connection, "upsert", slots)
    complete = [(name, b"") for name in COMPLETE.values()]
    Rows(schema.setting, "name", "value").write(connection, "upsert", complete)
    generation = Rows(schema.chunk, *schema.chunk.c.keys())
    generation.write(connection, "upsert", [FIRST_GENERATION])
    connection.execute(insert(schema.migration), {"version_num": REVISION})
