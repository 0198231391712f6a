"""The cases that `eventsourcing` ships for recorders, run on ours (R30)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import uuid4

from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)

from addressee.adapters.memory.store import MemoryRecorder
from addressee.adapters.sql import SqlApplicationRecorder, SqlProcessRecorder, SqlTrackingRecorder
from addressee.adapters.sql.database import Database
from addressee.adapters.sql.recorder import SqlAggregateRecorder
from addressee.adapters.sql.schema import Schema


class OnSqlite:
    """Makes recorders on a new database file each; streams are named by strings."""

    def new_originator_id(self) -> str:
        return str(uuid4())

    def place(self) -> tuple[Database, Schema]:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)  # type: ignore[attr-defined] # every case is a TestCase
        database, schema = Database(f"sqlite:///{Path(folder.name)}/ledger.db"), Schema.named()
        self.addCleanup(database.close)  # type: ignore[attr-defined] # likewise
        with database.writing() as connection:
            schema.metadata.create_all(connection)
        return database, schema


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


class TestMemoryApplicationRecorder(ApplicationRecorderTestCase[MemoryRecorder]):
    def create_recorder(self) -> MemoryRecorder:
        return MemoryRecorder()

    def test_concurrent_throughput(self) -> None:
        """Left out: it only prints how fast it was."""


class TestMemoryProcessRecorder(ProcessRecorderTestCase):
    def create_recorder(self) -> MemoryRecorder:
        return MemoryRecorder()
