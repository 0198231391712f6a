"""Rebuilding read models from the ledger while the service works (R37)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from addressee.application import Changes, Recorded, Replay, whole_page
from addressee.application.default_clock_and_ids import utc_now
from addressee.application.read_models.claim_names import check_key
from addressee.domain import Conflict, InvalidValue, StoreError, StoreUnavailable, values

from ..audience_index.term_dictionary import drop_terms, unused_terms
from ..checkpoints.checkpoint_lease import MOST_EVENTS, SECONDS, Lease
from ..engine.bulk_write import Rows
from ..schema.bookkeeping_tables import COMPLETE, REBUILD
from ..schema.tables import INDEX
from ..store.store import SqlStore
from ..unit_of_work.index_erasure import Concerned, concerned_by, erased_by
from ..unit_of_work.store_statements import Prepared
from ..unit_of_work.verification_view import SqlAudit
from ..unit_of_work.view import SqlReader
from .shadow_loader import ShadowLoading
from .shadow_tables import Shadow

READ_MODELS = {
    "installations": ("installation",),
    "addresses": ("address",),
    "identifiers": ("holder",),
    "segments": ("segment",),
    "audiences": INDEX,
}
"""What can be rebuilt, and the tables that it is in."""
PAGE = 5_000
ATTEMPTS = 60
PAUSE = 0.5
NOT_SWAPPED = "its tables could not be swapped; the next run goes on. The last attempt:"


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild is.

    Attributes:
        position: of the last event that was taken.
        last: of the ledger's last event, as of the last look.
    """

    position: int
    last: int


class Rebuild:
    """Fills new tables from the ledger, and puts them in place of those in use.

    Commands and audiences go on meanwhile, and see the old tables until the moment of the swap, in
    which the new ones hold the whole ledger. One that was killed goes on where it was. The
    numbers of terms and the ordinals of installations stay the same, so a stream of ids that is
    under way keeps its order across the swap.

    Args:
        store: whose read models.
        only: names in `READ_MODELS`; by default all.
        page: most events within one transaction.
        lease: seconds after which another may go on in place of one that says nothing.
        clock: gives the time, aware of its zone.

    Raises:
        InvalidValue: a name is not known, ``page`` is not 1 to 1,000,000, or ``lease`` no number
            from 0 to a day.
    """

    def __init__(
        self,
        store: SqlStore,
        only: Collection[str] = (),
        *,
        page: int = PAGE,
        lease: float = SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        named = values.items("only", only, len(READ_MODELS))
        if unknown := [name for name in named if name not in [*READ_MODELS]]:
            names = ", ".join(READ_MODELS)
            raise InvalidValue("only", f"names {len(unknown)} unknown; there are: {names}")
        chosen = [name for name in READ_MODELS if name in named or not named]
        tables = [table for name in chosen for table in READ_MODELS[name]]
        self._store = store
        self._database = store.database
        self._live = store.parts.prepared.schema
        self._shadow = Shadow(self._live, tables)
        hidden = Prepared.of_store(self._shadow.schema, store.parts.prepared.index.term_key)
        self._shadowed = store.parts._replace(prepared=hidden)
        self._chosen = frozenset(chosen)
        name = REBUILD + ",".join(chosen)
        self._lease = Lease(self._database, self._live, name, seconds=lease, clock=clock)
        self._page = values.whole("page", page, 1, MOST_EVENTS)
        self._position = self._begun = 0
        self._unused: list[int] = []
        self._replay = Replay(store.indexed_attributes, store.identifier_key)

    def run(self, progress: Callable[[RebuildProgress], object] = lambda _: None) -> int:
        """Rebuild, and return the position of the last event at the moment of the swap.

        Args:
            progress: called after each page.

        Raises:
            StoreUnavailable: the store can't be reached, or another process rebuilds the same, or
                transactions that never end keep the tables from being swapped; what was done stays
                done, and the next run goes on.
            StoreDamaged: an event can't be read.
        """
        try:
            return self._run(progress)
        except BaseException:
            with suppress(StoreError):
                self._lease.release()  # or the next run would wait until the lease ends
            raise

    def _run(self, progress: Callable[[RebuildProgress], object]) -> int:
        if "audiences" in self._chosen:
            self._store.note_times()
        self._begin()
        attempts = 0
        while True:
            try:
                self._catch_up(progress)
                self._find_unused()
                self._shadow.swap(self._database, self._finish, self._done)
            except (Conflict, StoreUnavailable) as error:
                attempts += 1
                if attempts == ATTEMPTS:
                    raise StoreUnavailable(f"{NOT_SWAPPED} {error}") from None
                time.sleep(PAUSE)
                self._go_on()
            else:
                progress(RebuildProgress(self._position, self._position))
                return self._position

    def _begin(self) -> None:
        """Go on where an earlier run was, or make the tables and begin."""
        table = self._live.projection
        others = table.c.name.startswith(REBUILD, autoescape=True) & (
            table.c.name != self._lease.name
        )
        self._go_on()
        newest = self._store.last()
        with self._database.writing() as connection:
            rivals = connection.execute(select(table.c.name).where(others)).first()
            if rivals or self._position == 0 or not self._shadow.exists(connection):
                connection.execute(delete(table).where(others))
                self._lease.restart(connection)
                self._shadow.create(connection)
                self._position = newest
        # Of persons who were erased before nothing can be read any more.
        self._begun = self._position
        self._go_on()

    def _go_on(self) -> None:
        """Continue at the shadow tables; raises StoreUnavailable if another run has them."""
        position = self._lease.take()
        if position is None:
            raise StoreUnavailable(f"another process works on it: {self._lease.held()}")
        self._position = position
        self._replay = Replay(self._store.indexed_attributes, self._store.identifier_key, position)

    def _catch_up(self, progress: Callable[[RebuildProgress], object]) -> None:
        while page := self._next():
            self._take(page)
            progress(RebuildProgress(self._position, max(self._store.last(), self._position)))

    def _next(self) -> Sequence[Recorded]:
        settled = self._store.settled()
        with self._store.reading() as reader:
            return whole_page(reader.events, self._position, self._page, settled)

    def _take(self, page: Sequence[Recorded]) -> None:
        """Take a page; its changes are computed before other writers have to wait."""
        with self._store.reading() as reader:
            changes = self._replay.changes(page, reader)
            erased = self._erased(page, reader)
        with self._database.writing() as connection:
            self._write(connection, changes, erased)

    def _erased(self, page: Sequence[Recorded], view: SqlReader) -> Concerned | None:
        """Return what the tables hold of data that was erased while they were filled."""
        new = ((e.originator_id, e.TOPIC) for position, e in page if position > self._begun)
        erased = erased_by(new) if "audiences" in self._chosen else ()
        return concerned_by(view, erased) if erased else None

    def _write(self, connection: Connection, changes: Changes, erased: Concerned | None) -> None:
        after = self._replay.position
        self._lease.advance(connection, self._position, after)
        live = self._store.parts.prepared
        loading = ShadowLoading(connection, self._shadowed, live, self._chosen)
        loading.load(changes, after)
        loading.finish()
        if erased is not None:
            loading.forget(*erased)
        self._position = after

    def _finish(self, connection: Connection) -> None:
        """Take the rest of the ledger while no other transaction writes."""
        audit = SqlAudit(connection, self._store.parts)
        check_key(audit, self._store.identifier_key)  # it names claims of merged persons
        while page := whole_page(audit.events, self._position, self._page):
            erased = self._erased(page, audit)
            self._write(connection, self._replay.changes(page, audit), erased)

    def _find_unused(self) -> None:
        """Look for terms that nothing has any more, before other writers have to wait."""
        if "audiences" in self._chosen:
            with self._database.reading() as connection:
                self._unused = unused_terms(connection, self._shadow.schema)

    def _done(self, connection: Connection) -> None:
        drop_terms(connection, self._live, self._unused)
        self._lease.forget(connection)
        complete = [(name, b"") for model, name in COMPLETE.items() if model in self._chosen]
        if complete:
            Rows(self._live.setting, "name", "value").write(connection, "upsert", complete)


def unfilled(store: SqlStore) -> list[str]:
    """Return the read models that an earlier release left incomplete, which a rebuild fills."""
    name = store.parts.prepared.schema.setting.c.name
    with store.database.reading() as connection:
        found = connection.execute(select(name).where(name.in_(COMPLETE.values()))).scalars().all()
    return [model for model, complete in COMPLETE.items() if complete not in found]
