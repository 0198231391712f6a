"""What keeps queries of the present and of the past fast."""

from __future__ import annotations

from collections.abc import Sequence

from addressee.application import TimeSpan

from ..audience_index.compaction import compact, nobody_compacts
from ..engine.database import Database
from ..event_store.positions import ordering_on
from ..unit_of_work.components import Parts


class IndexUpkeep:
    """Has a scheduler do what commands or queries would do otherwise.

    Attributes:
        database: where the store is.
        parts: what it is made of.
    """

    database: Database
    parts: Parts

    def compact(self) -> int:
        """Fold the delta, which live changes have written, into the postings' chunks.

        Commands do it themselves now and then; a scheduler that calls this spares them the work,
        and the first query as of a time that of reading all times. Any number of processes may.

        Returns:
            How many changes were folded; 0 also where another process is at it.
        """
        index, settled = self.parts.prepared.index, self.note_times()
        engine, schema = self.database.engine, index.schema
        with self.database.writing(ordering_on(engine).share(engine.dialect, schema)) as connection:
            if nobody_compacts(connection, schema):
                # Writers that take turns may have added events since.
                known = self.parts.tail.known if self.database.single_writer else settled
                return compact(connection, index, known)
        return 0

    def times(self, settled: int) -> Sequence[TimeSpan]:
        """Return spans that have all events up to a position, with their times."""
        return self.parts.times.spans(settled)

    def note_times(self) -> int:
        """Write which times events have, and return up to where the ledger is settled."""
        settled = self.parts.tail.settled()
        self.parts.times.note(settled)
        return settled
