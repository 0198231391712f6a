"""Sealing the settled part of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, LargeBinary, Row, cast, insert, select

from addressee.application import START, Seal, Stored, link
from addressee.application.default_clock_and_ids import utc_now
from addressee.domain import Conflict
from addressee.domain.times import from_microseconds, to_microseconds

from ..engine.database import Database
from .event_statements import EventStatements
from .settled_reader import Tail

PAGE = 5_000
"""Most events that one seal covers: the closer seals are, the closer they say what was changed."""


class Sealer:
    """Adds seals to those of a store; several at once are safe, for each number is there once.

    Args:
        database: where.
        prepared: statements on its tables.
        tail: knows which part of the ledger is settled.
        fingerprint: gives that of the identifier key, which it checks within a transaction.
        page: most events that one seal covers.
        clock: gives the time, aware of its zone.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor
        self,
        database: Database,
        prepared: EventStatements,
        tail: Tail,
        fingerprint: Callable[[Connection], str],
        *,
        page: int = PAGE,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._prepared = prepared
        self._table = prepared.schema.seal
        self._tail = tail
        self._fingerprint = fingerprint
        self._page = page
        self._clock = clock

    def run(self, progress: Callable[[Seal], object] = lambda _: None) -> Seal | None:
        """Seal what is settled at this moment; return the newest seal, None if there is none.

        Args:
            progress: called with each new seal.

        Raises:
            StoreUnavailable: the store can't be reached; the seals that were made stay.
            IdentifierKeyOutdated: the identifier key was replaced; likewise.
            Conflict: the database refuses a seal, as by a trigger of the host's; likewise.
        """
        settled = self._tail.settled().position
        while True:
            # A view that began before this moment might not see all that is settled now.
            with self._database.reading() as connection:
                newest = self._newest(connection)
                after = newest.last if newest else 0
                events = stored(connection, self._prepared, after, self._page, settled)
                # Read last, so no event that is sealed here is from after a key that this misses.
                key = self._fingerprint(connection)
            if not events:
                return newest
            seal = self._seal(newest, events, key)
            try:
                self._add(seal)
            except Conflict as conflict:
                if conflict.final:
                    raise
                continue  # another process has sealed the same
            progress(seal)

    def _newest(self, connection: Connection) -> Seal | None:
        found = select(self._table).order_by(self._table.c.number.desc()).limit(1)
        row = connection.execute(found).first()
        return None if row is None else seal_of(row)

    def _seal(self, before: Seal | None, events: Sequence[Stored], key: str) -> Seal:
        number, last, digest = (
            (before.number, before.last, before.digest) if before else (0, 0, START)
        )
        for event in events:
            digest = link(digest, event)
        end, now = events[-1].position, self._clock()
        return Seal(number + 1, last + 1, end, len(events), digest, now, key)

    def _add(self, seal: Seal) -> None:
        """Write a seal; raises Conflict if there is one of its number."""
        row = (*seal[:5], to_microseconds(seal.made_at), seal.key_fingerprint)
        with self._database.writing() as connection:
            connection.execute(insert(self._table).values(row))


def seal_of(row: Row[*tuple[Any, ...]]) -> Seal:
    """Return the seal that a row of their table is."""
    number, first, last, events, digest, made_at, fingerprint = row
    return Seal(number, first, last, events, digest, from_microseconds(made_at), fingerprint)


def stored(
    connection: Connection,
    prepared: EventStatements,
    after: int | None,
    limit: int,
    last: int | None = None,
) -> list[Stored]:
    """Return events as `EventStatements.behind` reads them, with their states as bytes."""
    event = prepared.schema.event.c
    columns = (event.position, event.stream, event.version, event.topic)
    # SQLite accepts text where bytes belong, in a statement by hand.
    found = prepared.behind(after, limit, last).with_only_columns(
        *columns, cast(event.state, LargeBinary)
    )
    return [Stored(*row) for row in connection.execute(found)]
