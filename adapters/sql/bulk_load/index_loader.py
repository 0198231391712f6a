"""An index that is new is filled: straight into chunks, without a delta to fold later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection

from addressee.application import Changes

from ..audience_index.compaction_trigger import COMPACT_AT
from ..audience_index.delta import Delta
from ..audience_index.postings_writer import Place, Window, fold, gathered
from ..engine.bulk_write import Write
from ..index_history.remembered_states import EVENTS
from ..unit_of_work.shared_parts import Parts
from ..unit_of_work.transaction import SqlTransaction

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
        self._windows: list[Window] = []
        self._gathered: dict[Place, Delta] = {}
        self._length = self._in_windows = self._last = self._closed = 0

    def load(self, changes: Changes, last: int = 0) -> None:
        """Bring the read models up to what a page of the ledger changes.

        Args:
            changes: of the page.
            last: position of its last event.
        """
        for write in self._writes(changes):
            self._write(write)
        self._last = last
        if self._length >= COMPACT_AT or last - self._closed >= EVENTS:
            self._close_window()
        if self._in_windows >= FOLD_AT:
            self.finish()

    def finish(self) -> None:
        """Write the postings that are gathered still."""
        self._close_window()
        fold(self._connection, self._prepared.index, self._windows)
        self._windows.clear()
        self._in_windows = 0

    def _close_window(self) -> None:
        """Have what was gathered end with a mark."""
        if self._gathered or self._last - self._closed >= EVENTS:
            self._windows.append(Window(self._last, self._last, self._gathered))
        self._gathered, self._closed = {}, self._last
        self._in_windows += self._length
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
