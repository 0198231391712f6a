"""The times of events, of thousands at once, so that few are read to find those of a moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from threading import Lock

from sqlalchemy import select

from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.application import TimeSpan
from addressee.domain.times import to_microseconds

from ..engine.bulk_write import Rows
from ..engine.database import Database
from ..engine.fork import renew_after_fork
from .event_statements import EventStatements

SPAN = 4_096
"""How many events a span has. All are settled, so whoever looks finds the same spans."""


class EventTimes:
    """Knows the earliest and the latest time of each span of a ledger.

    What was written once, or read by this process, is not read again.

    Args:
        database: where the ledger is.
        prepared: statements on its tables.
        mapper: finds the times in events.
    """

    def __init__(self, database: Database, prepared: EventStatements, mapper: EventMapper) -> None:
        self._database = database
        self._prepared = prepared
        self._mapper = mapper
        self._table = prepared.schema.time_span
        self._rows = Rows(self._table, "last", "earliest", "latest")
        self._whole: tuple[TimeSpan, ...] = ()
        self._lock = Lock()
        renew_after_fork(self)

    def forked(self) -> None:
        """Take a new lock."""
        self._lock = Lock()

    def spans(self, settled: int) -> Sequence[TimeSpan]:
        """Return the spans of a ledger that is settled up to a position; the last may be short."""
        self._add(self._noted())
        spans = [span for span in self._whole if span.last <= settled]
        while rows := self._times(spans[-1].last if spans else 0, settled):
            times = [time for _, time in rows]
            found = TimeSpan(rows[-1][0], *map(to_microseconds, (min(times), max(times))))
            spans.append(found)
            if len(rows) < SPAN:
                break
            self._add([found])
        return spans

    def note(self, settled: int) -> None:
        """Write the whole spans of a ledger that is settled up to a position."""
        self.spans(settled)
        noted = {span.last for span in self._noted(0)}
        missing = [span for span in self._whole if span.last not in noted]
        with self._database.writing() as connection:
            self._rows.write(connection, "upsert", missing)

    def _noted(self, after: int | None = None) -> Sequence[TimeSpan]:
        """Return the spans that were written, by default those behind the known ones."""
        if after is None:
            after = self._whole[-1].last if self._whole else 0
        last = self._table.c.last
        with self._database.reading() as connection:
            rows = connection.execute(select(self._table).where(last > after).order_by(last))
            return [TimeSpan(*row) for row in rows]

    def _times(self, after: int, settled: int) -> list[tuple[int, datetime]]:
        """Return position and time of as many events as a span has, or all that are left."""
        with self._database.reading() as connection:
            rows = self._prepared.page.rows(connection, after=after, limit=SPAN, last=settled)
        return [(position, self._mapper.timestamp(*event)) for position, *event in rows]

    def _add(self, spans: Iterable[TimeSpan]) -> None:
        """Know further spans, of which other threads may have added some meanwhile."""
        with self._lock:
            last = self._whole[-1].last if self._whole else 0
            self._whole += tuple(span for span in spans if span.last > last)
