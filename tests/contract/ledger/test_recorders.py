"""The cases that `eventsourcing` ships for recorders, run on ours (R30)."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)

from addressee.adapters.memory.ledger_in_memory import MemoryRecorder
from addressee.adapters.sql import SqlApplicationRecorder, SqlProcessRecorder, SqlTrackingRecorder
from addressee.adapters.sql.engine.database import Database
from addressee.adapters.sql.recorders.recorders import SqlAggregateRecorder
from addressee.adapters.sql.schema.tables import Schema
from tests.servers import LentDatabases


class OnSqlite:
    """Makes recorders on a database file each; streams are named by strings."""

    @pytest.fixture(autouse=True)
    def _empty(self, empty_sqlite: Path) -> None:
        self.empty = empty_sqlite

    def new_originator_id(self) -> str:
        return str(uuid4())

    def url(self) -> str:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)  # type: ignore[attr-defined] # every case is a TestCase
        copied: str = shutil.copy(self.empty, folder.name)
        return f"sqlite:///{copied}"

    def place(self) -> tuple[Database, Schema]:
        database = Database(self.url())
        self.addCleanup(database.close)  # type: ignore[attr-defined] # likewise
        self.addCleanup(join_threads, {*threading.enumerate()})  # type: ignore[attr-defined] # likewise
        return database, Schema.named()

    def test_performance(self) -> None:
        """Left out: it only prints how fast it was."""


class OnServer(OnSqlite):
    """Makes recorders on a database each that others have used before."""

    lent: LentDatabases

    def url(self) -> str:
        lent = ExitStack()
        engine = lent.enter_context(self.lent.engine())
        self.addCleanup(lent.close)  # type: ignore[attr-defined] # likewise
        return engine.url.render_as_string(hide_password=False)


class OnPostgres(OnServer):
    """Makes recorders on PostgreSQL."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False
    """A transaction that is rolled back takes its positions with it."""

    @pytest.fixture(autouse=True)
    def _lent(self, lent_postgres: LentDatabases) -> None:
        self.lent = lent_postgres


class OnMariaDB(OnServer):
    """Makes recorders on MariaDB."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False
    """As on PostgreSQL."""

    @pytest.fixture(autouse=True)
    def _lent(self, lent_mariadb: LentDatabases) -> None:
        self.lent = lent_mariadb


def join_threads(before: AbstractSet[threading.Thread]) -> None:
    """Wait for the reading threads that a shipped case tells to stop, and leaves.

    Args:
        before: the threads that were there before the case, some of which may be a pool's.
    """
    for thread in {*threading.enumerate()} - before:
        if not thread.daemon:
            thread.join()


class TestSqlAggregateRecorder(OnSqlite, AggregateRecorderTestCase):
    def create_recorder(self) -> SqlAggregateRecorder:
        return SqlAggregateRecorder(*self.place())


class TestSqlApplicationRecorder(OnSqlite, ApplicationRecorderTestCase[SqlApplicationRecorder]):
    def create_recorder(self) -> SqlApplicationRecorder:
        return SqlApplicationRecorder(*self.place())

    def test_concurrent_throughput(self) -> None:
        """Left out: it only prints how fast it was."""

    def test_insert_subscribe(self) -> None:
        super().optional_test_insert_subscribe()


class TestSqlNonInterleaving(OnSqlite, NonInterleavingNotificationIDsBaseCase):
    insert_num = 100

    def create_recorder(self) -> SqlApplicationRecorder:
        return SqlApplicationRecorder(*self.place())


class TestSqlTrackingRecorder(OnSqlite, TrackingRecorderTestCase):
    def create_recorder(self) -> SqlTrackingRecorder:
        return SqlTrackingRecorder(*self.place())


class TestSqlProcessRecorder(OnSqlite, ProcessRecorderTestCase):
    def create_recorder(self) -> SqlProcessRecorder:
        return SqlProcessRecorder(*self.place())


class TestPostgresAggregateRecorder(OnPostgres, TestSqlAggregateRecorder):
    pass


class TestPostgresApplicationRecorder(OnPostgres, TestSqlApplicationRecorder):
    pass


class TestPostgresTrackingRecorder(OnPostgres, TestSqlTrackingRecorder):
    pass


class TestPostgresProcessRecorder(OnPostgres, TestSqlProcessRecorder):
    pass


@pytest.mark.mariadb
class TestMariaDBAggregateRecorder(OnMariaDB, TestSqlAggregateRecorder):
    pass


@pytest.mark.mariadb
class TestMariaDBApplicationRecorder(OnMariaDB, TestSqlApplicationRecorder):
    pass


@pytest.mark.mariadb
class TestMariaDBTrackingRecorder(OnMariaDB, TestSqlTrackingRecorder):
    pass


@pytest.mark.mariadb
class TestMariaDBProcessRecorder(OnMariaDB, TestSqlProcessRecorder):
    pass


class TestMemoryApplicationRecorder(ApplicationRecorderTestCase[MemoryRecorder]):
    def create_recorder(self) -> MemoryRecorder:
        return MemoryRecorder()

    def test_concurrent_throughput(self) -> None:
        """Left out: it only prints how fast it was."""


class TestMemoryProcessRecorder(ProcessRecorderTestCase):
    def create_recorder(self) -> MemoryRecorder:
        return MemoryRecorder()
