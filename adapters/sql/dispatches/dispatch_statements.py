"""The statements on dispatches and batches that a transaction runs again and again."""

from __future__ import annotations

from functools import cache
from typing import Any, Self

from sqlalchemy import Select, func, select

from ..engine.bulk_write import Rows
from ..engine.compiled_query import Query, given
from ..schema.tables import Schema
from .dispatch_rows import BATCH_COLUMNS, DISPATCH_COLUMNS, OUTCOMES


class DispatchStatements:
    """The statements on dispatches and batches.

    Args:
        schema: the tables.
    """

    def __init__(self, schema: Schema) -> None:
        dispatch, batch = schema.dispatch, schema.push_batch
        self.dispatch = select(*(dispatch.c[name] for name in DISPATCH_COLUMNS))
        self.locked = Query(self.dispatch.where(dispatch.c.id == given("name")).with_for_update())
        self.batch = select(*(batch.c[name] for name in BATCH_COLUMNS))
        mine = self.batch.where(batch.c.dispatch == given("dispatch"))
        self.numbered = Query(mine.where(batch.c.number == given("number")))
        self.open = Query(
            mine.where(batch.c.due <= given("due"), batch.c.leaving >= given("leaving"))
            .order_by(batch.c.due, batch.c.number)
            .limit(given("limit"))
        )
        self.holding = Query(self._holding(schema))
        self.dispatches = Rows(dispatch, *DISPATCH_COLUMNS)
        self.batches = Rows(batch, *BATCH_COLUMNS)
        self.tally = select(*(func.sum(batch.c[outcome]) for outcome in OUTCOMES))

    def _holding(self, schema: Schema) -> Select[Any]:
        """Return the query of the batches of an attempt around an ordinal, at most one a dispatch.

        Those of an attempt do not overlap, so the last that begins before is the only one.
        """
        dispatch, batch = schema.dispatch, schema.push_batch
        other = batch.alias()
        last_before = (
            select(other.c.number)
            .where(other.c.dispatch == dispatch.c.id, other.c.attempt == given("attempt"))
            .where(other.c.first_ordinal <= given("ordinal"))
            .order_by(other.c.first_ordinal.desc())
            .limit(1)
            .scalar_subquery()
        )
        return (
            self.batch.join(dispatch, dispatch.c.id == batch.c.dispatch)
            .where(dispatch.c.application == given("application"))
            .where(batch.c.number == last_before)
            .where(batch.c.last_ordinal >= given("ordinal"))
        )

    @classmethod
    @cache  # to compile them takes longer than a batch
    def shared(cls, schema: Schema) -> Self:
        """Return what all stores on the same tables share."""
        return cls(schema)
