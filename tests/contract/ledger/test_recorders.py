"""The cases that `eventsourcing` ships for recorders, run on ours (R30)."""

from __future__ import annotations

import tempfile
import threading
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

from addressee.adapters.memory.recorder import MemoryRecorder
from addressee.adapters.sql import SqlApplicationRecorder, SqlProcessRecorder, SqlTrackingRecorder
from addressee.adapters.sql.engine.database import Database
from addressee.adapters.sql.recorders.recorders import SqlAggregateRecorder
from addressee.adapters.sql.schema.creation import create_tables
from addressee.adapters.sql.schema.tables import Schema
from tests.servers import MariaDB, Postgres


class OnSqlite:
    """Makes recorders on a new database file each; streams are named by strings."""

    def new_originator_id(self) -> str:
        return str(uuid4())

    def url(self) -> str:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)  # type: ignore[attr-defined] # every case is a TestCase
        return f"sqlite:///{Path(folder.name)}/ledger.db"

    def place(self) -> tuple[Database, Schema]:
        database, schema = Database(self.url()), Schema.named()
        self.addCleanup(database.close)  # type: ignore[attr-defined] # likewise
        self.addCleanup(join_threads)  # type: ignore[attr-defined] # likewise
        with database.writing() as connection:
            create_tables(connection, schema)
        return database, schema


class OnPostgres(OnSqlite):
    """Makes recorders on a new PostgreSQL database each."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False
    """A transaction that is rolled back takes its positions with it."""

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> None:
        self.server = postgres

    def url(self) -> str:
        return self.server.new_database()


class OnMariaDB(OnSqlite):
    """Makes recorders on a new MariaDB database each."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False
    """As on PostgreSQL."""

    @pytest.fixture(autouse=True)
    def _server(self, mariadb: MariaDB) -> None:
        self.server = mariadb

    def url(self) -> str:
        return self.server.new_database()


def join_threads() -> None:
    """Wait for the reading threads that a shipped case tells to stop, and leaves."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
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
