"""Filling tables that will take the place of those in use."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from pyroaring import BitMap
from sqlalchemy import Connection

from addressee.application import Changes

from ..audience_index.postings_writer import forget
from ..audience_index.term_dictionary import numbers_and_ordinals
from ..bulk_load.index_loader import IndexLoading
from ..engine.bulk_write import Write
from ..unit_of_work.shared_parts import Parts
from ..unit_of_work.store_statements import Prepared


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

    def load(self, changes: Changes, last: int = 0) -> None:
        """Bring the chosen read models up to what a page of the ledger changes."""
        chosen = self._chosen
        super().load(
            replace(
                changes,
                holders=changes.holders if "identifiers" in chosen else {},
                segments=changes.segments if "segments" in chosen else {},
            ),
            last,
        )

    def forget(self, installations: AbstractSet[str], positions: Collection[int]) -> None:
        """Take installations out of what is remembered of the chunks."""
        _, ordinals = numbers_and_ordinals(
            self._connection, self._live.index, "", frozenset(), installations
        )
        forget(self._connection, self._prepared.index, BitMap(ordinals.values()), positions)

    def _write(self, write: Write) -> None:
        prepared, chosen = self._prepared, self._chosen
        if write.rows in (prepared.bindings, prepared.flags) and "installations" not in chosen:
            return
        if write.rows is prepared.delta and "audiences" not in chosen:
            return
        if write.rows is prepared.addresses and "addresses" not in chosen:
            return
        super()._write(write)

    def _register(self, new: Sequence[tuple[str, str, int | None, int | None]]) -> None:
        """Take the ordinals over; an installation that has lost its row gets another."""
        if not new:
            return
        names = {name for name, *_ in new}
        _, known = numbers_and_ordinals(self._connection, self._live.index, "", frozenset(), names)
        if lost := [row for row in new if row[0] not in known]:
            self._live.installations.insert(self._connection, lost)
            _, known = numbers_and_ordinals(
                self._connection, self._live.index, "", frozenset(), names
            )
        if "installations" in self._chosen:
            rows = [(known[name], name, *others) for name, *others in new]
            self._prepared.numbered_installations.insert(self._connection, rows)
