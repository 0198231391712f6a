"""How events get their positions, and when no lower position can appear any more.

One way a database; docs/ordering.md says why each is right.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    Table,
    literal_column,
    select,
    text,
)

from ..engine.bulk_write import Write
from ..engine.compiled_query import pages
from ..engine.dialects import Writers, dialect_of
from ..engine.dialects.base import HasDialect, Row, quoted
from ..engine.dialects.mariadb import patient
from ..engine.dialects.postgresql import TAKE_XID
from ..schema.bookkeeping_tables import SLOT_NAMES
from ..schema.tables import Schema
from .event_statements import EventStatements
from .ordering_protocols import Barrier, Ordering

OLDEST_XID = text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
NEXT_POSITIONS = (
    "SELECT array_agg(nextval(name)) FROM generate_series(1, %s),"
    " (SELECT pg_get_serial_sequence(%s, 'position')::regclass AS name OFFSET 0) AS sequence"
)
STEP: ColumnElement[int] = literal_column("@@auto_increment_increment", Integer())

SLOTS_A_SECOND = 10
ROWS_A_STATEMENT = 100


class OneWriter:
    """SQLite: positions are taken and committed in one order."""

    barrier = None

    def insert(
        self,
        connection: Connection,
        prepared: EventStatements,
        rows: Sequence[Row],
        together_with: Sequence[Write] = (),
        *,
        commits: bool = False,  # `Database` commits
    ) -> list[int]:
        """Add rows; those of one transaction follow each other."""
        for write in together_with:
            write.run(connection)
        prepared.events.insert(connection, rows)
        [[last]] = prepared.last.rows(connection)
        return [*range(last - len(rows) + 1, last + 1)]

    def share(self, sql: Dialect, schema: Schema) -> str:
        """Return nothing: a writer has the file to itself."""
        return ""

    def keep_writers_out(self, connection: Connection, schema: Schema) -> None:
        """Do nothing: they wait already."""

    join_writers = keep_commands_out = keep_writers_out

    def keep_users_out(
        self, connection: Connection, schema: Schema, table: Table, seconds: float
    ) -> None:
        """Do nothing likewise."""


class TransactionIds:
    """PostgreSQL: a writer takes its transaction id when it begins, before its positions."""

    def insert(
        self,
        connection: Connection,
        prepared: EventStatements,
        rows: Sequence[Row],
        together_with: Sequence[Write] = (),
        *,
        commits: bool = False,
    ) -> list[int]:
        """Add rows, and the others in the same statement; of many, take the positions before."""
        if not dialect_of(connection).copies(connection.dialect, rows):
            return prepared.events.numbered(connection, rows, together_with, commits=commits)
        table = quoted(connection.dialect, prepared.schema.event)
        taken = connection.exec_driver_sql(NEXT_POSITIONS, (len(rows), table))
        positions = sorted(taken.scalar_one())
        numbered = [(n, *row) for n, row in zip(positions, rows, strict=True)]
        prepared.copies.insert(connection, numbered)
        for write in together_with:
            write.run(connection)
        return positions

    def barrier(self, connection: Connection, schema: Schema) -> Barrier:
        """Return a transaction id: a transaction that holds a lower position has a lower id."""
        return IdBarrier(connection.execute(text(TAKE_XID)).scalar_one())

    def share(self, sql: Dialect, schema: Schema) -> str:
        """Return nothing: `Database` has a writer take its id."""
        return ""

    def join_writers(self, connection: Connection, schema: Schema) -> None:
        """Lock the ledger as an insert does."""
        event = quoted(connection.dialect, schema.event)
        connection.exec_driver_sql(f"LOCK TABLE {event} IN ROW EXCLUSIVE MODE")

    def keep_writers_out(self, connection: Connection, schema: Schema) -> None:
        """Lock the ledger against writers; readers go on."""
        event = quoted(connection.dialect, schema.event)
        connection.exec_driver_sql(f"LOCK TABLE {event} IN SHARE ROW EXCLUSIVE MODE")

    def keep_commands_out(self, connection: Connection, schema: Schema) -> None:
        """Lock the ledger against readers too: a writer takes no lock of its own before it ends."""
        event = quoted(connection.dialect, schema.event)
        connection.exec_driver_sql(f"LOCK TABLE {event} IN ACCESS EXCLUSIVE MODE")

    def keep_users_out(
        self, connection: Connection, schema: Schema, table: Table, seconds: float
    ) -> None:
        """Lock the table against readers too: a command that has read it holds a lock on it."""
        dialect_of(connection).limit_waiting(connection, seconds)
        dialect_of(connection).lock_exclusively(connection, [table])


class IdBarrier:
    """Passed once every running transaction has a higher id."""

    def __init__(self, xid: int) -> None:
        self._xid = xid

    def passed(self, connection: Connection) -> bool:
        """Return whether the oldest running transaction is younger."""
        oldest: int = connection.execute(OLDEST_XID).scalar_one()
        return oldest > self._xid


class Slots:
    """MariaDB and MySQL: a writer shares the lock of a slot before it takes its positions.

    Which slot is a matter of the clock, so each is left alone most of the time and can be found
    free. Shared locks do not make writers wait for each other.
    """

    def insert(
        self,
        connection: Connection,
        prepared: EventStatements,
        rows: Sequence[Row],
        together_with: Sequence[Write] = (),
        *,
        commits: bool = False,  # `Database` commits
    ) -> list[int]:
        """Share a slot, then add rows; those of one statement are numbered in even steps."""
        for write in together_with:
            write.run(connection)
        setting = prepared.schema.setting
        share = select(STEP).select_from(setting).where(setting.c.name == slot_now())
        step: int = connection.execute(share.with_for_update(read=True)).scalar_one()

        def positions() -> Iterator[int]:
            for page in pages(rows, ROWS_A_STATEMENT):
                first = prepared.events.insert_together(connection, page)
                yield from range(first, first + step * len(page), step)

        return [*positions()]

    def barrier(self, connection: Connection, schema: Schema) -> Barrier:
        """Return all slots: a transaction that holds a position shares one of them."""
        return SlotBarrier(schema)

    def share(self, sql: Dialect, schema: Schema) -> str:
        """Return what shares the slot of this moment, and reads its newest value."""
        table = quoted(sql, schema.setting)
        return f"SELECT value FROM {table} WHERE name = '{slot_now()}' LOCK IN SHARE MODE"  # noqa: S608 # our own names

    def join_writers(self, connection: Connection, schema: Schema) -> None:
        """Share a slot."""
        connection.exec_driver_sql(self.share(connection.dialect, schema))

    def keep_writers_out(self, connection: Connection, schema: Schema) -> None:
        """Take all slots."""
        setting = schema.setting
        slots = setting.select().where(setting.c.name.in_(SLOT_NAMES))
        connection.execute(slots.with_for_update())

    keep_commands_out = keep_writers_out

    def keep_users_out(
        self, connection: Connection, schema: Schema, table: Table, seconds: float
    ) -> None:
        """Take all slots: a command takes one before it reads anything."""
        with patient(connection, "innodb_lock_wait_timeout", math.ceil(seconds)):
            self.keep_writers_out(connection, schema)


def slot_now() -> str:
    """Return the slot that a writer which begins now shares."""
    return SLOT_NAMES[int(time.time() * SLOTS_A_SECOND) % len(SLOT_NAMES)]


class SlotBarrier:
    """Passed once each slot was seen free."""

    def __init__(self, schema: Schema) -> None:
        self._table = schema.setting
        self._left = set(SLOT_NAMES)

    def passed(self, connection: Connection) -> bool:
        """Look which of the slots that are left are free; none of them is waited for."""
        name = self._table.c.name
        free = select(name).where(name.in_(self._left)).with_for_update(skip_locked=True)
        # A new set each time: other threads may look at the same moment.
        self._left = self._left.difference(connection.execute(free).scalars())
        return not self._left


ORDERINGS: Mapping[Writers, Ordering] = {
    Writers.TAKE_TURNS: OneWriter(),
    Writers.HAVE_IDS: TransactionIds(),
    Writers.SHARE_ROWS: Slots(),
}


def ordering_on(where: HasDialect) -> Ordering:
    """Return how the database of an engine or connection orders events."""
    return ORDERINGS[dialect_of(where).writers]
