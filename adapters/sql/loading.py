"""Filling an index that is new: straight into chunks, without a delta to fold later."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection

from addressee.application import Changes

from .compaction import Place, fold, gathered, places
from .delta import Delta
from .parts import Parts
from .prepared import Prepared
from .rows import Write
from .transaction import SqlTransaction

FOLD_AT = 4_000_000
"""How many postings are gathered before they go into chunks: a few dozen MB of memory."""


class IndexLoading(SqlTransaction):
    """Fills read models that nobody reads yet, as a rebuild or an import does.

    Rows are written by the code of the live path. Postings are gathered as bitmaps and go into
    chunks once they are many; `finish` writes the rest. The delta should be empty, since what it
    holds counts as newer than any chunk.

    Args:
        connection: with its transaction begun.
        parts: the store's, with statements on the tables to fill.
    """

    def __init__(self, connection: Connection, parts: Parts) -> None:
        super().__init__(connection, parts)
        self._gathered: dict[Place, Delta] = {}
        self._length = 0

    def load(self, changes: Changes) -> None:
        """Bring the read models up to what a page of the ledger changes."""
        for write in self._writes(changes):
            self._write(write)

    def finish(self) -> None:
        """Write the postings that are gathered still."""
        fold(self._connection, self._prepared, self._gathered)
        self._gathered.clear()
        self._length = 0

    def _write(self, write: Write) -> None:
        if write.rows is self._prepared.delta:
            self._collect(write.values)
        else:
            write.run(self._connection)

    def _collect(self, postings: Sequence[Any]) -> None:
        for place, (gained, lost) in gathered(postings).items():
            before = self._gathered.setdefault(place, Delta(BitMap(), BitMap()))
            before.gained.update(gained)
            before.gained.difference_update(lost)
            before.lost.update(lost)
            before.lost.difference_update(gained)
        self._length += len(postings)
        if self._length >= FOLD_AT:
            self.finish()


class ShadowLoading(IndexLoading):
    """Fills tables that will take the place of those in use; ordinals stay what they are.

    Args:
        connection: with its transaction begun.
        parts: the store's, with statements on the tables to fill, and else on those in use.
        live: statements on the tables in use.
        chosen: which read models are to be filled.
    """

    def __init__(
        self, connection: Connection, parts: Parts, live: Prepared, chosen: Collection[str]
    ) -> None:
        super().__init__(connection, parts)
        self._live = live
        self._chosen = chosen

    def load(self, changes: Changes) -> None:
        """Bring the chosen read models up to what a page of the ledger changes."""
        chosen = self._chosen
        super().load(
            replace(
                changes,
                holders=changes.holders if "identifiers" in chosen else {},
                segments=changes.segments if "segments" in chosen else {},
            )
        )

    def _write(self, write: Write) -> None:
        prepared, chosen = self._prepared, self._chosen
        if write.rows is prepared.bindings and "installations" not in chosen:
            return
        if write.rows is prepared.delta and "audiences" not in chosen:
            return
        super()._write(write)

    def _register(self, new: Sequence[tuple[str, str]]) -> None:
        """Take the ordinals over; an installation that has lost its row gets another."""
        if not new:
            return
        names = {name for name, _ in new}
        _, known = places(self._connection, self._live, "", frozenset(), names)
        if lost := [row for row in new if row[0] not in known]:
            self._live.installations.insert(self._connection, lost)
            _, known = places(self._connection, self._live, "", frozenset(), names)
        if "installations" in self._chosen:
            rows = [(known[name], name, application) for name, application in new]
            self._prepared.numbered_installations.insert(self._connection, rows)
