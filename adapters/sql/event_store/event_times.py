"""The times of events, of thousands at once, so that few are read to find those of a moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from threading import Lock

from sqlalchemy import select

from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.application import TimeSpan
from addressee.application.caching.by_epoch import ByEpoch
from addressee.domain.times import to_microseconds

from ..engine.bulk_write import Rows
from ..engine.database import Database
from ..engine.epochs import check_epoch
from ..engine.fork import renew_after_fork
from .event_statements import EventStatements

SPAN = 4_096
"""How many events a span has. All are settled, so whoever looks finds the same spans."""


class WholeSpans:
    """The spans of one epoch of the database that have all their events."""

    def __init__(self) -> None:
        self.spans: tuple[TimeSpan, ...] = ()


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
        self._whole = ByEpoch(WholeSpans)
        self._lock = Lock()
        renew_after_fork(self)

    def forked(self) -> None:
        """Take a new lock."""
        self._lock = Lock()

    def spans(self, settled: int, epoch: int = 0) -> Sequence[TimeSpan]:
        """Return the spans of a ledger that is settled up to a position; the last may be short.

        Args:
            settled: the position.
            epoch: in which it is; by default the newest.

        Raises:
            StoreUnavailable: the database is in another epoch by now.
        """
        epoch = epoch or self._database.epochs.newest
        known = self._whole.at(epoch)
        self._add(known, self._noted(known.spans[-1].last if known.spans else 0, epoch))
        spans = [span for span in known.spans if span.last <= settled]
        while rows := self._times(spans[-1].last if spans else 0, settled, epoch):
            times = [time for _, time in rows]
            found = TimeSpan(rows[-1][0], *map(to_microseconds, (min(times), max(times))))
            spans.append(found)
            if len(rows) < SPAN:
                break
            self._add(known, [found])
        return spans

    def note(self, settled: int, epoch: int) -> None:
        """Write the whole spans; arguments and errors as of `spans`."""
        self.spans(settled, epoch)
        noted = {span.last for span in self._noted(0, epoch)}
        missing = [span for span in self._whole.at(epoch).spans if span.last not in noted]
        with self._database.writing() as connection:
            check_epoch(connection, epoch)
            self._rows.write(connection, "upsert", missing)

    def _noted(self, after: int, epoch: int) -> Sequence[TimeSpan]:
        """Return the spans behind a position that were written."""
        last = self._table.c.last
        with self._database.reading() as connection:
            check_epoch(connection, epoch)
            rows = connection.execute(select(self._table).where(last > after).order_by(last))
            return [TimeSpan(*row) for row in rows]

    def _times(self, after: int, settled: int, epoch: int) -> list[tuple[int, datetime]]:
        """Return position and time of as many events as a span has, or all that are left."""
        with self._database.reading() as connection:
            check_epoch(connection, epoch)
            rows = self._prepared.page.rows(connection, after=after, limit=SPAN, last=settled)
        return [(position, self._mapper.timestamp(*event)) for position, *event in rows]

    def _add(self, known: WholeSpans, spans: Iterable[TimeSpan]) -> None:
        """Know further spans, of which other threads may have added some meanwhile."""
        with self._lock:
            last = known.spans[-1].last if known.spans else 0
            known.spans += tuple(span for span in spans if span.last > last)
