"""A whole store in one SQL database."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import partial
from typing import Self

from sqlalchemy import Engine, update
from sqlalchemy.engine import URL

from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.application import KeyStore, Seal
from addressee.domain import InvalidValue, StoreUnavailable

from ..audience_index.compaction_trigger import Upkeep
from ..audience_index.postings_writer import nobody_compacts
from ..bulk_load.index_loader import IndexLoading
from ..bulk_load.ledger_loader import LedgerFilling
from ..checkpoints.checkpoint_lease import SECONDS
from ..checkpoints.sink_progress import SqlSinkProgress, sink_names
from ..dispatches.dispatch_statements import DispatchStatements
from ..dispatches.dispatch_view import SqlDispatchView
from ..engine.database import Database
from ..engine.host_transaction import Joining
from ..event_store.event_times import EventTimes
from ..event_store.ordering_strategies import ordering_on
from ..event_store.seal_writer import Sealer
from ..event_store.settled_reader import Tail
from ..schema.creation import prepare
from ..schema.tables import Schema
from ..unit_of_work.action_log import ActionLog, Log
from ..unit_of_work.following_transaction import FollowingTransaction
from ..unit_of_work.shared_parts import Parts
from ..unit_of_work.store_statements import Prepared
from ..unit_of_work.transaction import JoinedTransaction, SqlTransaction
from ..unit_of_work.view import first_read
from .administration_transaction import SqlAdministration
from .applications import SqlApplications
from .index_upkeep import IndexUpkeep
from .queries import StoreQueries, queries_on
from .sealed import check_apart, with_sealing
from .stored_settings import Settings, SettledSettings

PATIENCE = 2
"""Seconds that a batch of pushes waits for commands under way: others wait behind it."""


class SqlStore(StoreQueries, IndexUpkeep):
    """Ledger and read models in one database; every command is one transaction of it.

    Args:
        target: a SQLAlchemy engine of the host's, or a URL such as ``sqlite:///ledger.db``.
        identifier_key: the secret that turns identifiers into stream ids, up to 64 bytes (R5); by
            default the store makes one when it is new, and keeps it in the database.
        indexed_attributes: ``attr.name`` and ``iattr.name`` that audiences may use; by default
            those that it was last opened with. Of attributes that are new here, audiences see what
            is set from now on; a `Rebuild` shows them all.
        prefix: before the names of all tables.
        schema: the database schema that they are in, if not the connection's own.
        create: make the tables where there are none.
        statement_timeout: seconds after which a server gives up a statement, if the engine is
            made here; a host's engine has its own.
        mapper: turns events into bytes and back.
        keys: seals personal data, from a store's first event on (R50).
        replicas: URLs of PostgreSQL's read replicas, which queries go to; they are as current there
            as on the primary (docs/operating-at-scale.md).
        remote_apply: whether the primary's commits wait for the replicas, so that queries need not.

    Attributes:
        identifier_key, keeps_key, indexed_attributes, suspends, single_writer, keys: as for any
            store.
        applications: the mobile apps that may use it, and their keys.
        database, parts: what it is made of, for others in this package.

    Raises:
        InvalidValue: the URL can't be read or names a driver that can't be used; `prefix` or
            `schema` is no name.
        StoreUnavailable: the database can't be opened, or has no tables and none are to be made.
        StoreOutdated: its tables need to be migrated.
        StoreDamaged: it is there, and is no database.
        IdentifierKeyOutdated: the identifier key that is given was replaced.
        StoreNotSealed: keys are given, and its ledger is in clear.
        KeyMissing, WrappingKeyWrong: the keys are not those of this store.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, every part with a default
        self,
        target: Engine | str | URL,
        *,
        identifier_key: bytes | None = None,
        indexed_attributes: Iterable[str] | None = None,
        prefix: str = "addressee_",
        schema: str | None = None,
        create: bool = True,
        statement_timeout: float | None = None,
        mapper: EventMapper | None = None,
        keys: KeyStore | None = None,
        replicas: Sequence[str] = (),
        remote_apply: bool = False,
    ) -> None:
        if keys is not None and mapper is not None:
            raise InvalidValue("keys", "seal JSON, which a mapper of the host's may not write")
        self.database = Database(target, statement_timeout)
        self.suspends = self.database.engine.dialect.is_async
        self.single_writer = self.database.single_writer
        self._schema = Schema.checked(prefix, schema)
        self.applications = SqlApplications(self.database, self._schema)
        prepared, mapper = Prepared.of_store(self._schema), mapper or EventMapper()
        tail = Tail(self.database, self._schema)
        times = EventTimes(self.database, prepared, mapper)
        self.parts = Parts(prepared, mapper, tail, Upkeep(), times)
        self._joining = Joining(self.database.engine)
        self._dispatches = DispatchStatements.shared(self._schema)
        self._queries = self.database
        self._ordering = ordering_on(self.database.engine)
        # A view must not begin before a rebuild swaps a table that it then finds with less in it.
        # Of the other tables that it reads it takes the locks with it, for then a migration can
        # deadlock with its begin alone.
        known = self._schema
        self._before_reading = self.database.dialect.hold(
            self.database.engine.dialect,
            [*known.swapped.values(), known.event, known.term],
        )
        try:
            check_apart(self.database, keys)
            prepare(self.database, self._schema, create=create)
            settings = Settings(self.database, self._schema)
            self.indexed_attributes = settings.indexed(indexed_attributes)
            self._seal_with(keys, settings)
            self._take_key(identifier_key, settings)
            self._settled = self._settings_now()
            self._queries = queries_on(
                self.database, self._schema, replicas, statement_timeout, remote_apply=remote_apply
            )
            self._use(self.parts)
        except BaseException:
            self.database.close()
            raise

    def _seal_with(self, keys: KeyStore | None, settings: Settings) -> None:
        """Have personal data sealed if the store is, or is to be."""
        self.keys = keys
        self._use(with_sealing(self.parts, settings, keys, empty=not self.last()))

    def _settings_now(self) -> SettledSettings:
        return SettledSettings(self.database, self._schema, self.parts.prepared.last)

    def ping(self) -> None:
        """Return if the database answers and can be written; waits for no other writer.

        Raises:
            StoreUnavailable: it can't be reached, or only be read.
            StoreDamaged: the store's tables are gone.
        """
        if self.database.single_writer:
            self.last()  # a file does not fail over
            return
        setting = self._schema.setting
        with self.database.writing() as connection:
            connection.execute(update(setting).where(setting.c.name == "").values(value=b""))

    @contextmanager
    def writing(self, first: Mapping[str, int] | None = None) -> Generator[SqlTransaction]:
        """Open a transaction that commits when the block ends."""
        if self.parts.upkeep.looked:
            self.parts.upkeep.looked = False
            self.parts.tail.look()  # compaction can't within its transaction
        read = partial(first_read, self.parts.prepared, first or {})
        with self.database.writing_after(read, self._share) as (connection, known):
            self._settled.check(connection)
            yield SqlTransaction(connection, self.parts, known)

    @contextmanager
    def administering(self, log: Log | None = None) -> Generator[SqlAdministration]:
        """Open a transaction on applications, keys and sinks; ``log`` takes what is recorded."""
        with self.database.writing() as connection:
            self._ordering.join_writers(connection, self._schema)
            yield SqlAdministration(connection, self._schema, self.parts, log or self._log)

    @contextmanager
    def sending(
        self, *, alone: bool = False, recording: bool = False, log: Log | None = None
    ) -> Generator[SqlDispatchView]:
        """Open a transaction on dispatches; ``alone`` has commands wait until it ends."""
        with self.database.writing() as connection:
            if recording:
                self._ordering.join_writers(connection, self._schema)
            if alone:
                self.database.dialect.limit_waiting(connection, PATIENCE)
                self._ordering.keep_writers_out(connection, self._schema)
                if not nobody_compacts(connection, self._schema):
                    raise StoreUnavailable("the index is being compacted")
            self._settled.check(connection)
            yield SqlDispatchView(
                connection, self.parts, self._dispatches, log or self._log, alone=alone
            )

    def sink(self, name: str, lease: float = SECONDS) -> SqlSinkProgress:
        """Return how far a sink is, which facts are relayed to."""
        return SqlSinkProgress(self.database, self._schema, name, lease, self.parts.sealing)

    def sinks(self) -> list[str]:
        """Return the names of all sinks that relays have worked on, sorted."""
        with self.database.reading() as connection:
            return sink_names(connection, self._schema)

    @contextmanager
    def following(self) -> Generator[FollowingTransaction]:
        """Open a transaction that copies what another ledger holds."""
        with self.database.writing(self._share) as connection:
            yield FollowingTransaction(connection, self.parts)

    @contextmanager
    def loading(self) -> Generator[IndexLoading]:
        """Open a transaction that fills read models while they are empty, for a whole ledger."""
        with self.database.writing(self._share) as connection:
            loading = IndexLoading(connection, self.parts)
            yield loading
            loading.finish()

    @contextmanager
    def filling(
        self, key: bytes, indexed: AbstractSet[str], sealed_as: str | None = None
    ) -> Generator[LedgerFilling]:
        """Open a transaction that fills the store, while it is empty, with a ledger."""
        parts = self._parts_for(sealed_as)
        with self.database.writing(self._share) as connection:
            filling = LedgerFilling(connection, parts)
            filling.begin(key, indexed, sealed_as)
            yield filling
            filling.finish()
        self.identifier_key, self.indexed_attributes = key, indexed
        self._use(parts)
        self._settled = self._settings_now()

    def last(self) -> int:
        """Return the position of the newest event; 0 while the ledger is empty."""
        with self.database.reading() as connection:
            rows = self.parts.prepared.last.rows(connection)
        return rows[0][0] if rows else 0

    def settled(self) -> int:
        """Return the last position up to which no event will appear any more."""
        return self.parts.tail.settled().position

    def seal(self, progress: Callable[[Seal], object] = lambda _: None) -> Seal | None:
        """Seal what of the ledger is settled and not sealed yet.

        A scheduler calls it; any number of processes may. Writers do not wait for it.

        Args:
            progress: called with each new seal.

        Returns:
            The newest seal, by any process; None while the ledger is empty.

        Raises:
            IdentifierKeyOutdated: the identifier key was replaced since the store was opened.
        """
        return Sealer(
            self.database,
            self.parts.prepared,
            self.parts.tail,
            self._checked_fingerprint,
        ).run(progress)

    @contextmanager
    def joining(self, host: object, committed: Callable[[], None]) -> Generator[SqlTransaction]:
        """Take part in a transaction of the host's: a connection or session of the same engine."""
        with self._joining.joined(host, committed) as connection:
            self._share_hosts(connection)
            self._settled.check(connection)
            yield JoinedTransaction(connection, self.parts)

    @property
    def _log(self) -> Log:
        """Return what adds actions to the ledger."""
        return ActionLog(self.parts, self._settled.check)

    @property
    def _share(self) -> str:
        """Return the statement with which a writer begins."""
        return self._ordering.share(self.database.engine.dialect, self._schema)

    def close(self) -> None:
        """Close the connections that wait in the pool; a host's engine stays as it is."""
        self._queries.close()
        self.database.close()

    def __enter__(self) -> Self:
        """Return the store, to be closed at the block's end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()
