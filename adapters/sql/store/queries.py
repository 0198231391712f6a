"""What a store shows to queries: from the primary or from a replica, each with its own cache."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection

from addressee.application import Found, Lookup, NotCached

from ..audience_index.installation_lookups import Lookups
from ..dispatches.dispatch_statements import DispatchStatements
from ..dispatches.dispatch_view import SqlDispatchReader
from ..engine.database import Database
from ..replicas.place import Questions
from ..replicas.replica_state import ReplicaState
from ..replicas.routing import Queries, ReplicatedQueries
from ..schema.bookkeeping_tables import IDENTIFIER_KEY, SEALED
from ..schema.tables import Schema
from ..unit_of_work.cached_view import CachedView
from ..unit_of_work.shared_parts import Parts
from ..unit_of_work.verification_view import SqlAudit
from .identifier_key import KeyedTables


class StoreQueries(KeyedTables):
    """Opens the views of a store."""

    _queries: Queries
    _lookups: Lookups
    _dispatches: DispatchStatements
    _before_reading: str
    _parts_on_replicas: Parts
    """Of views on replicas: they see commands in the order of the log, the primary may not."""

    def _use(self, parts: Parts) -> None:
        """Have views and commands use other parts."""
        self.parts = parts
        self._parts_on_replicas = self._uncached()
        self._lookups = Lookups(self._queries, self._schema, parts.sealing)

    @property
    def epoch(self) -> int:
        """The newest epoch of the database that was seen; a failover begins another one."""
        return self.database.epochs.newest

    @property
    def replicas(self) -> Sequence[ReplicaState]:
        """What is known of each replica: whether queries go to it, and why not."""
        return self._queries.states if isinstance(self._queries, ReplicatedQueries) else ()

    @contextmanager
    def reading(self) -> Generator[SqlDispatchReader]:
        """Open a view of one moment."""
        with self.viewing() as connection:
            on_primary = connection.engine is self.database.engine
            parts = self.parts if on_primary else self._parts_on_replicas
            yield SqlDispatchReader(connection, parts, self._dispatches)

    def find(self, lookup: Lookup) -> Sequence[Found] | None:
        """Return what a lookup finds; None until the rows of installations have flags."""
        found = self._lookups.find(lookup)
        if not found and lookup.by == "claim":
            self._check_key()  # or everybody would have no such identifier
        return found

    @contextmanager
    def cached(self) -> Generator[CachedView]:
        """Open a view of what is cached; raises NotCached where nothing is, or with replicas."""
        nothing = not self.parts.prepared.index.cache.newest.generation
        if nothing or isinstance(self._queries, ReplicatedQueries):  # each elsewhere in the log
            raise NotCached
        missing: NotCached | None = None
        with self.database.at_once() as connection:
            try:
                yield CachedView(connection, self.parts)
            except NotCached as error:  # nothing failed that would have to be rolled back
                missing = error
        if missing is not None:
            raise missing

    @contextmanager
    def auditing(self) -> Generator[SqlAudit]:
        """Open a view of one moment that shows everything, read from the database alone."""
        with self.viewing() as connection:
            yield SqlAudit(connection, self._uncached())

    def viewing(self) -> AbstractContextManager[Connection]:
        """Open the transaction of a view, which no swap of tables divides."""
        return self._queries.reading(self._before_reading)


def queries_on(
    database: Database,
    schema: Schema,
    replicas: Sequence[str],
    statement_timeout: float | None,
    *,
    remote_apply: bool,
) -> Queries:
    """Return what opens views on a database, or on replicas of it; errors as of `SqlStore`."""
    if not replicas:
        return database
    secrets = (IDENTIFIER_KEY, SEALED)
    questions = Questions.of(database.engine.dialect, schema.event, schema.setting, secrets)
    return ReplicatedQueries(
        database, replicas, questions, statement_timeout, remote_apply=remote_apply
    )
