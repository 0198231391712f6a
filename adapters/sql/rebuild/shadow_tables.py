"""Tables that are filled beside those in use, and then take their place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection, insert, inspect, text

from ..engine.database import Database
from ..schema.tables import FIRST_GENERATION, SLOT_NAMES, Schema

LOCK_SECONDS = 1
"""How long a swap waits for transactions that are under way: others wait behind it."""
OWN_TRANSACTION = {"mariadb", "mysql"}
"""Where a statement that changes tables commits what stood before it."""
RELATIONS = text(
    "SELECT c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = coalesce(:schema, current_schema()) AND starts_with(c.relname, :prefix)"
    " AND c.relkind IN ('r', 'i', 'S')"
)
KINDS = {"r": "TABLE", "i": "INDEX", "S": "SEQUENCE"}


class Shadow:
    """Empty twins of some tables of a store.

    Args:
        live: the store's tables.
        names: which of `Schema.swapped` have a twin.

    Attributes:
        schema: the store's tables with the twins in place of those.
    """

    def __init__(self, live: Schema, names: Collection[str]) -> None:
        self._prefix = live.event.name.removesuffix("event")
        made = Schema.named(f"{self._prefix}shadow_", live.event.schema)
        gone = Schema.named(f"{self._prefix}old_", live.event.schema)
        self._live = live
        self._leftovers = [*made.swapped.values(), *gone.swapped.values()]
        self._gone = gone.swapped
        self._twins = {name: twin for name, twin in made.swapped.items() if name in names}
        now = {**live.swapped, **self._twins}
        self.schema = replace(
            live,
            installation=now["installation"],
            holder=now["holder"],
            segment=now["segment"],
            chunk=now["chunk"],
            delta=now["delta"],
        )

    def exists(self, connection: Connection) -> bool:
        """Whether all twins are there."""
        found = inspect(connection)
        return all(found.has_table(t.name, t.schema) for t in self._twins.values())

    def create(self, connection: Connection) -> None:
        """Make the twins anew; what an earlier rebuild left is dropped."""
        self.drop(connection)
        for table in self._twins.values():
            table.create(connection)
        if (chunk := self._twins.get("chunk")) is not None:
            connection.execute(insert(chunk).values(FIRST_GENERATION))

    def drop(self, connection: Connection) -> None:
        """Drop the twins, and those of an earlier rebuild."""
        for table in self._leftovers:
            table.drop(connection, checkfirst=True)

    def swap(
        self,
        database: Database,
        finish: Callable[[Connection], None],
        done: Callable[[Connection], None],
    ) -> None:
        """Put the twins in place of the tables, while nobody writes.

        Args:
            database: where.
            finish: brings the twins up to the ledger's last event.
            done: notes that the swap was made, where the database can in the same transaction.

        Raises:
            Conflict, StoreUnavailable: transactions are under way for too long; nothing was done.
        """
        dialect = database.engine.dialect.name
        if dialect in OWN_TRANSACTION:
            self._swap_names(database, finish, done)
            return
        with database.writing() as connection:
            if dialect == "postgresql":
                self._lock(connection)
            finish(connection)
            for name, twin in self._twins.items():
                table = self._live.swapped[name]
                table.drop(connection)
                connection.exec_driver_sql(f"ALTER TABLE {twin.fullname} RENAME TO {table.name}")
            if dialect == "postgresql":
                self._rename_rest(connection)
            done(connection)

    def _lock(self, connection: Connection) -> None:
        """Wait for the writers and readers that are under way, and keep others out."""
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        event = self._live.event.fullname
        # Writers stop at the ledger, and so leave the tables in peace; readers of it go on.
        connection.exec_driver_sql(f"LOCK TABLE {event} IN SHARE ROW EXCLUSIVE MODE")
        tables = ", ".join(self._live.swapped[name].fullname for name in self._twins)
        connection.exec_driver_sql(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")

    def _rename_rest(self, connection: Connection) -> None:
        """Give indexes and sequences the names of a table's own, and go on numbering behind it."""
        schema = self._live.event.schema
        prefix = f"{self._prefix}shadow_"
        found = connection.execute(RELATIONS, {"schema": schema, "prefix": prefix}).all()
        place = f"{schema}." if schema else ""
        for name, kind in found:
            own = f"{self._prefix}{name.removeprefix(prefix)}"
            connection.exec_driver_sql(f"ALTER {KINDS[kind]} {place}{name} RENAME TO {own}")
        table = self._live.installation.fullname
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'ordinal'),"  # noqa: S608 # our own names
            f" coalesce(max(ordinal), 0) + 1, false) FROM {table}"
        )

    def _swap_names(
        self,
        database: Database,
        finish: Callable[[Connection], None],
        done: Callable[[Connection], None],
    ) -> None:
        """Do so on MariaDB, where one statement renames many tables and commits at once.

        Writers wait for their slots meanwhile. Generations of chunks go with them, so that nobody
        takes what was kept of the old ones for the new.
        """
        with database.writing() as guard, patient(guard, "innodb_lock_wait_timeout"):
            setting = self._live.setting
            slots = setting.c.name.in_(SLOT_NAMES)
            guard.execute(setting.select().where(slots).with_for_update())
            with database.writing() as connection:
                finish(connection)
            pairs = [(self._live.swapped[name], name, twin) for name, twin in self._twins.items()]
            steps = [
                f"{table.fullname} TO {self._gone[name].fullname}, "
                f"{twin.fullname} TO {table.fullname}"
                for table, name, twin in pairs
            ]
            with database.writing() as connection, patient(connection, "lock_wait_timeout"):
                connection.exec_driver_sql(f"RENAME TABLE {', '.join(steps)}")
            done(guard)
        with database.writing() as connection:
            self.drop(connection)


@contextmanager
def patient(connection: Connection, variable: str) -> Generator[None]:
    """Wait no longer than a swap may, by a variable of MariaDB's, until the block ends."""
    connection.exec_driver_sql(f"SET SESSION {variable} = {LOCK_SECONDS}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SET SESSION {variable} = DEFAULT")
