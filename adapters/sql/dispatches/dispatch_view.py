"""Dispatches within one open transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import count
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, delete, exists, or_, select, update

from addressee.application import Dispatch, PushBatch, PushOutcome
from addressee.domain import Action
from addressee.domain.times import to_microseconds

from ..audience_index.generation_cache import GenerationCache
from ..audience_index.index_statements import CACHE_BYTES
from ..audience_index.postings_reader import Postings
from ..engine.compiled_query import pages
from ..engine.dialects import dialect_of
from ..schema.bookkeeping_tables import STORE_NAME
from ..unit_of_work.action_log import Log
from ..unit_of_work.shared_parts import Parts
from ..unit_of_work.view import SqlReader
from .dispatch_rows import (
    OUTCOMES,
    batch_in,
    batch_place,
    batch_row,
    dispatch_in,
    dispatch_place,
    dispatch_row,
)
from .dispatch_statements import DispatchStatements

ANY_TIME = (1 << 63) - 1
"""Later than any time, in microseconds."""


class SqlDispatchReader(SqlReader):
    """Ledger, read models and dispatches as one open transaction sees them.

    Args:
        connection: with its transaction begun.
        parts: the store's.
        statements: on its dispatches.
    """

    def __init__(
        self, connection: Connection, parts: Parts, statements: DispatchStatements
    ) -> None:
        super().__init__(connection, parts)
        self._statements = statements

    def dispatch(self, name: str) -> Dispatch | None:
        """Return a dispatch."""
        wanted = self._statements.dispatch.where(self._schema.dispatch.c.id == name)
        found = self._connection.execute(wanted).one_or_none()
        return None if found is None else self._dispatch(found)

    def dispatches(
        self, application: str | None, limit: int, *, scheduled: bool = True
    ) -> Sequence[Dispatch]:
        """Return the newest dispatches."""
        table = self._schema.dispatch
        wanted = self._statements.dispatch
        if application is not None:
            wanted = wanted.where(table.c.application == application)
        if not scheduled:
            wanted = wanted.where(table.c.state != "scheduled")
        newest = wanted.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit)
        return [self._dispatch(row) for row in self._connection.execute(newest)]

    def running(self, applications: Collection[str] | None, limit: int) -> Sequence[str]:
        """Return the ids of the oldest dispatches that are running."""
        table = self._schema.dispatch
        wanted = select(table.c.id).where(table.c.state == "running")
        if applications is not None:
            wanted = wanted.where(table.c.application.in_(applications))
        oldest = wanted.order_by(table.c.created_at, table.c.id).limit(limit)
        return self._connection.execute(oldest).scalars().all()

    def scheduled(
        self, applications: Collection[str] | None, limit: int, until: datetime | None = None
    ) -> Sequence[str]:
        """Return the ids of the scheduled dispatches that start first."""
        table = self._schema.dispatch
        wanted = select(table.c.id).where(table.c.state == "scheduled")
        if until is not None:
            wanted = wanted.where(table.c.starts_at <= to_microseconds(until))
        if applications is not None:
            wanted = wanted.where(table.c.application.in_(applications))
        first = wanted.order_by(table.c.starts_at, table.c.id).limit(limit)
        return self._connection.execute(first).scalars().all()

    def batches(self, dispatch: str, after: int, limit: int) -> Sequence[PushBatch]:
        """Return batches behind a number."""
        table = self._schema.push_batch
        wanted = (
            self._statements.batch.where(table.c.dispatch == dispatch, table.c.number > after)
            .order_by(table.c.number)
            .limit(limit)
        )
        return [self._batch(row) for row in self._connection.execute(wanted)]

    def batches_with(self, application: str, ordinal: int) -> Sequence[PushBatch]:
        """Return the batches of an installation."""
        found: list[PushBatch] = []
        for attempt in count(1):
            around = self._statements.holding.rows(
                self._connection, application=application, attempt=attempt, ordinal=ordinal
            )
            members = [each for each in map(self._batch, around) if ordinal in each.members]
            if not members:  # only those of an attempt are in the next
                break
            found += members
        return sorted(found, key=lambda b: (b.left_at, b.position, b.dispatch, b.number))

    def tally(self, dispatch: str) -> Mapping[PushOutcome, int]:
        """Return how many members have which outcome."""
        mine = self._schema.push_batch.c.dispatch == dispatch
        counts = self._connection.execute(self._statements.tally.where(mine)).one()
        return {o: int(count or 0) for o, count in zip(OUTCOMES, counts, strict=True)}

    def ended(
        self, application: str | None, before: datetime, now: datetime, limit: int
    ) -> Sequence[str]:
        """Return dispatches that have ended."""
        table, batch = self._schema.dispatch.c, self._schema.push_batch.c
        gone = to_microseconds(min(before, now))
        is_open = exists().where(batch.dispatch == table.id, batch.due >= gone)
        wanted = select(table.id).where(
            table.state.in_(["done", "cancelled"]),
            table.created_at < to_microseconds(before),
            or_(
                table.starts_at.is_(None),
                table.starts_at < to_microseconds(before),
                table.batches == 0,
            ),
            ~is_open,
        )
        if application is not None:
            wanted = wanted.where(table.application == application)
        oldest = wanted.order_by(table.created_at, table.id).limit(limit)
        return self._connection.execute(oldest).scalars().all()

    def _dispatch(self, row: Sequence[Any]) -> Dispatch:
        """Return the dispatch within a row, whose body may be sealed."""
        if self._sealing is not None:
            row = (*row[:-1], self._sealing.opened_value(dispatch_place(row[0]), row[-1]))
        return dispatch_in(row)

    def _batch(self, row: Sequence[Any]) -> PushBatch:
        """Return the batch within a row, whose fates may be sealed."""
        if self._sealing is not None:
            place = batch_place(row[0], row[1])
            row = (*row[:-1], self._sealing.opened_value(place, row[-1]))
        return batch_in(row)


class SqlDispatchView(SqlDispatchReader):
    """The same, and dispatches may be changed.

    Args:
        connection, parts, statements: as for `SqlDispatchReader`.
        log: adds actions to the ledger.
        alone: whether the transaction keeps commands and compaction out, and so sees one moment.
    """

    def __init__(
        self,
        connection: Connection,
        parts: Parts,
        statements: DispatchStatements,
        log: Log,
        *,
        alone: bool,
    ) -> None:
        super().__init__(connection, parts, statements)
        self._log = log
        self._alone = alone

    def record(self, *actions: Action) -> None:
        """Add actions to the ledger."""
        self._log(self._connection, actions)

    @cached_property
    def _postings(self) -> Postings:
        """Read from the database alone where a generation may end between two statements."""
        index = self._prepared.index
        cache = index.cache if self._alone else GenerationCache(CACHE_BYTES)
        return Postings(self._connection, index, cache)

    def last(self) -> int:
        """Return the position of the last event."""
        found = self._prepared.last.rows(self._connection)
        return found[0][0] if found else 0

    def store_name(self) -> str:
        """Return the store's name, making it once."""
        setting = self._schema.setting.c
        kept = select(setting.value).where(setting.name == STORE_NAME)
        name: bytes | None = self._connection.execute(kept).scalar_one_or_none()
        if name is None:
            name = token_hex(16).encode()
            self._prepared.settings.insert(self._connection, [(STORE_NAME, name)])
        return name.decode()

    def dispatch(self, name: str) -> Dispatch | None:
        """Return a dispatch, which nobody else changes until the transaction ends."""
        found = self._statements.locked.rows(self._connection, name=name)
        return self._dispatch(found[0]) if found else None

    def new_dispatch(self, dispatch: Dispatch) -> None:
        """Add a dispatch."""
        self._statements.dispatches.insert(self._connection, [self._dispatch_row(dispatch)])

    def _dispatch_row(self, dispatch: Dispatch) -> Sequence[object]:
        """Return a dispatch as its row, its body sealed where the store is."""
        row = dispatch_row(dispatch)
        if self._sealing is None:
            return row
        return (*row[:-1], self._sealing.value(dispatch_place(dispatch.id), row[-1]))

    def forget(self, dispatches: Collection[str]) -> None:
        """Delete dispatches and their batches."""
        if dialect_of(self._connection).in_file:  # or their texts would stay in free pages
            self._connection.exec_driver_sql("PRAGMA secure_delete = ON")
        dispatch, batch = self._schema.dispatch, self._schema.push_batch
        for page in pages(dispatches):
            self._connection.execute(delete(batch).where(batch.c.dispatch.in_(page)))
            self._connection.execute(delete(dispatch).where(dispatch.c.id.in_(page)))

    def put_dispatch(self, dispatch: Dispatch) -> None:
        """Write a dispatch."""
        self._statements.dispatches.write(
            self._connection, "upsert", [self._dispatch_row(dispatch)]
        )

    def batch(self, dispatch: str, number: int) -> PushBatch | None:
        """Return a batch."""
        numbered = self._statements.numbered
        found = numbered.rows(self._connection, dispatch=dispatch, number=number)
        return self._batch(found[0]) if found else None

    def open_batches(
        self, dispatch: str, limit: int, *, due: datetime | None = None, leaving: bool = False
    ) -> Sequence[PushBatch]:
        """Return batches that are not settled."""
        found = self._statements.open.rows(
            self._connection,
            dispatch=dispatch,
            due=ANY_TIME if due is None else to_microseconds(due),
            leaving=int(leaving),
            limit=limit,
        )
        return [self._batch(row) for row in found]

    def put_batch(self, batch: PushBatch, application: str) -> None:
        """Write a batch."""
        row = batch_row(batch, application)
        if self._sealing is not None:
            place = batch_place(batch.dispatch, batch.number)
            row = (*row[:-1], self._sealing.value(place, row[-1]))
        self._statements.batches.write(self._connection, "upsert", [row])

    def renew(self, worker: str, due: datetime) -> None:
        """Put off when a worker's batches are due."""
        table = self._schema.push_batch
        mine = (table.c.worker == worker) & (table.c.leaving > 0) & table.c.due.is_not(None)
        self._connection.execute(update(table).where(mine).values(due=to_microseconds(due)))
