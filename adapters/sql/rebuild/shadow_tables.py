"""Shadow tables that are filled while others are in use, and then replace them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from sqlalchemy import Connection, insert, inspect

from ..engine.database import Database
from ..engine.dialects.mariadb import patient
from ..event_store.ordering_strategies import ordering_on
from ..schema.read_model_tables import FIRST_GENERATION
from ..schema.tables import Schema

LOCK_SECONDS = 1
"""Seconds that a swap waits for running transactions: later ones wait for the swap."""


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
            address=now["address"],
            holder=now["holder"],
            segment=now["segment"],
            chunk=now["chunk"],
            delta=now["delta"],
            index_mark=now["index_mark"],
            posting_change=now["posting_change"],
        )

    def exists(self, connection: Connection) -> bool:
        """Whether all twins are there."""
        found = inspect(connection)
        return all(found.has_table(t.name, t.schema) for t in self._twins.values())

    def create(self, connection: Connection) -> None:
        """Make the twins; those of an earlier rebuild are dropped."""
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
        """Replace the tables by the twins, while no other transaction writes.

        Args:
            database: where.
            finish: brings the twins up to the ledger's last event.
            done: notes that the swap was made, where the database can in the same transaction.

        Raises:
            Conflict, StoreUnavailable: transactions are under way for too long; nothing was done.
        """
        dialect = database.dialect
        if dialect.ddl_commits:
            self._swap_names(database, finish, done)
            return
        with database.writing() as connection:
            # Writers stop at the ledger, before they use the tables; its readers go on.
            dialect.limit_waiting(connection, LOCK_SECONDS)
            ordering_on(connection).keep_writers_out(connection, self._live)
            # Terms too, for a command that has read their numbers is about to write them.
            used = [*(self._live.swapped[name] for name in self._twins), self._live.term]
            dialect.lock_exclusively(connection, used)
            finish(connection)
            quote = connection.dialect.identifier_preparer
            for name, twin in self._twins.items():
                table = self._live.swapped[name]
                table.drop(connection)
                connection.exec_driver_sql(
                    f"ALTER TABLE {quote.format_table(twin)} RENAME TO {quote.quote(table.name)}"
                )
            made, own = f"{self._prefix}shadow_", self._prefix
            dialect.rename_parts(connection, self._live.event.schema, made, own)
            dialect.continue_numbers(connection, self._live.installation, "ordinal")
            done(connection)

    def _swap_names(
        self,
        database: Database,
        finish: Callable[[Connection], None],
        done: Callable[[Connection], None],
    ) -> None:
        """Do so on MariaDB, where one statement renames many tables and commits at once.

        Writers wait for their slots meanwhile. Generations of chunks go with them, so that no
        cache takes the old ones for the new.
        """
        with database.writing() as guard, patient(guard, "innodb_lock_wait_timeout", LOCK_SECONDS):
            guard.detach()  # a second connection is needed; this one's place in the pool is free
            ordering_on(guard).keep_writers_out(guard, self._live)
            with database.writing() as connection:
                finish(connection)
            pairs = [(self._live.swapped[name], name, twin) for name, twin in self._twins.items()]
            quote = guard.dialect.identifier_preparer.format_table
            steps = [
                f"{quote(table)} TO {quote(self._gone[name])}, {quote(twin)} TO {quote(table)}"
                for table, name, twin in pairs
            ]
            with (
                database.writing() as connection,
                patient(connection, "lock_wait_timeout", LOCK_SECONDS),
            ):
                connection.exec_driver_sql(f"RENAME TABLE {', '.join(steps)}")
            done(guard)
        with database.writing() as connection:
            self.drop(connection)
