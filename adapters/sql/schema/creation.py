"""A store's tables: made where there are none, refused where they are of an earlier release."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, func, insert, inspect, select
from sqlalchemy.schema import CreateSchema

from addressee.domain import StoreOutdated, StoreUnavailable

from ..engine.database import Database
from .append_only import guards
from .tables import FIRST_GENERATION, REVISION, Schema

LOCK_NAME = "addressee"
LOCK_NUMBER = int.from_bytes(b"adressee")
"""Of the advisory lock on PostgreSQL, which takes no names."""
LOCK_SECONDS = 30


def prepare(database: Database, schema: Schema, *, create: bool) -> None:
    """See to it that the tables are there and no older than this release needs.

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
        with alone(database), database.writing() as connection:
            if revision_of(connection, schema) is None:
                create_tables(connection, schema)
    elif revision < REVISION:
        raise StoreOutdated(revision, REVISION)


def revision_of(connection: Connection, schema: Schema) -> str | None:
    """Return the last migration that the tables have had; None where there are none."""
    table = schema.migration
    if not inspect(connection).has_table(table.name, table.schema):
        return None
    newest = select(func.max(table.c.version_num))
    return connection.execute(newest).scalar()


def create_tables(connection: Connection, schema: Schema) -> None:
    """Make all tables as the newest migration would leave them."""
    if schema.event.schema and connection.dialect.name == "postgresql":
        connection.execute(CreateSchema(schema.event.schema, if_not_exists=True))
    schema.metadata.create_all(connection)
    dialect = connection.dialect.name
    for statement in guards(schema.event, schema.seal, schema.setting, dialect):
        connection.exec_driver_sql(statement.replace("%", "%%"))
    connection.execute(
        insert(schema.chunk), dict(zip(schema.chunk.c.keys(), FIRST_GENERATION, strict=True))
    )
    connection.execute(insert(schema.migration), {"version_num": REVISION})


@contextmanager
def alone(database: Database) -> Generator[None]:
    """Have nobody else make or migrate tables until the block, and its transaction, has ended.

    SQLite has one writer at a time anyway.

    Raises:
        StoreUnavailable: somebody else is at it for long.
    """
    dialect = database.engine.dialect.name
    if dialect == "sqlite":
        yield
        return
    with database.reading() as connection:
        if dialect == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(LOCK_NUMBER)))
            yield
            return
        if not connection.execute(select(func.get_lock(LOCK_NAME, LOCK_SECONDS))).scalar():
            raise StoreUnavailable("somebody else is making or migrating the tables")
        try:
            yield
        finally:
            connection.execute(select(func.release_lock(LOCK_NAME)))
