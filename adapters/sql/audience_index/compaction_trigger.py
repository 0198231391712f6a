"""When the delta is folded into the chunks: commands look at its length now and then."""

from __future__ import annotations

from sqlalchemy import Connection

from .index_statements import Index
from .postings_writer import compact, last_position, nobody_compacts

COMPACT_AT = 16_384
"""Length of the delta, in rows, from which a transaction folds it into the chunks."""
CHECKS = 16
"""How often, while the delta grows to that length, it is looked at."""


class Upkeep:
    """Sees to it that the delta stays short; one for each store.

    How long the delta is, is asked only now and then.

    Attributes:
        looked: whether it was asked since this was last set back.
    """

    def __init__(self) -> None:
        self.looked = False
        self._noted = 0

    def after(self, added: int, connection: Connection, index: Index, settled: int) -> None:
        """Fold the delta into the chunks if it has grown long and nobody else is at it.

        Args:
            added: how many rows are about to be added to it, or to the ledger if these are more.
            connection: with the transaction that adds them.
            index: statements on the index' tables.
            settled: a position up to which the ledger is settled.
        """
        self._noted += added
        if self._noted < COMPACT_AT // CHECKS:
            return
        self._noted, self.looked = 0, True
        [[first, last]] = index.span.rows(connection)
        long = last is not None and last - first >= COMPACT_AT
        due = long or index.marks.is_due(connection, last_position(connection, index))
        if due and nobody_compacts(connection, index.schema):
            compact(connection, index, settled)
