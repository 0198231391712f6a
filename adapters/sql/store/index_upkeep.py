"""What keeps queries of the present and of the past fast."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection, select

from addressee.application import TimeSpan
from addressee.domain import Conflict, StoreUnavailable

from ..audience_index.postings_writer import begin_generation, compact, nobody_compacts
from ..audience_index.term_dictionary import drop_terms, unused_terms
from ..engine.compiled_query import pages
from ..engine.database import Database
from ..event_store.ordering_strategies import ordering_on
from ..schema.bookkeeping_tables import REBUILD
from ..schema.tables import Schema
from ..unit_of_work.shared_parts import Parts

PATIENCE = 0.2
"""Seconds that terms are waited for, while commands and queries wait as well."""


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
        Terms that no posting has or had go from the dictionary, as far as commands under way end
        soon; those that a remembered state of the past has stay.

        Returns:
            How many changes were folded; 0 also where another process is at it.
        """
        self.note_times()
        index = self.parts.prepared.index
        engine, schema, folded = self.database.engine, index.schema, 0
        with self.database.writing(ordering_on(engine).share(engine.dialect, schema)) as connection:
            if nobody_compacts(connection, schema):
                folded = compact(connection, index, self.parts.tail.known(connection))
        self._drop_unused_terms()
        return folded

    def _drop_unused_terms(self) -> None:
        """Drop terms that nothing has or had, some at a time; what fails is left to a later call.

        Whoever has read the number of such a term may be about to write it.
        """
        schema, ordering = self.parts.prepared.schema, ordering_on(self.database.engine)
        with self.database.reading() as connection:
            unused = unused_terms(connection, schema)
        with suppress(Conflict, StoreUnavailable):
            for page in pages(unused):
                with self.database.writing() as connection:
                    ordering.keep_users_out(connection, schema, schema.term, PATIENCE)
                    if is_rebuilt(connection, schema) or not nobody_compacts(connection, schema):
                        return  # tables that a rebuild fills have numbers, too
                    drop_terms(connection, schema, page)
                    begin_generation(connection, schema)

    def times(self, settled: int) -> Sequence[TimeSpan]:
        """Return spans that have all events up to a position, with their times."""
        return self.parts.times.spans(settled)

    def note_times(self) -> int:
        """Write which times events have, and return up to where the ledger is settled."""
        settled, epoch = self.parts.tail.settled()
        self.parts.times.note(settled, epoch)
        return settled


def is_rebuilt(connection: Connection, schema: Schema) -> bool:
    """Return whether a rebuild has begun and has not ended, whoever works on it."""
    name = schema.projection.c.name
    begun = select(name).where(name.startswith(REBUILD, autoescape=True)).limit(1)
    return connection.execute(begun).first() is not None
