"""Stores that ledgers go from and to."""

from __future__ import annotations

import random
from collections.abc import Generator
from pathlib import Path

import pytest

from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import (
    AuditableStore,
    End,
    FillableStore,
    Personalization,
    bulk,
    export_ledger,
    import_ledger,
)
from tests.contract.audiences.oracle import Life
from tests.servers import LentDatabases, LentFiles

INDEXED = ("attr.plan",)


def live(store: MemoryStore | SqlStore, application: str = "shop", steps: int = 80) -> None:
    life = Life(random.Random(application), application)  # noqa: S311 # a life that can be had again
    bulk(Personalization(store), [life.step() for _ in range(steps)])


def leave_a_hole(store: SqlStore) -> None:
    """Leave out positions, as transactions that are rolled back do on a server."""
    with store.database.writing() as connection:
        connection.exec_driver_sql("update sqlite_sequence set seq = seq + 7")


@pytest.fixture
def origin(tmp_path: Path) -> Generator[SqlStore]:
    """A store in SQLite that has lived, and has left out positions at its beginning and within."""
    with SqlStore(f"sqlite:///{tmp_path}/origin.db", indexed_attributes=INDEXED) as store:
        live(store)
        leave_a_hole(store)
        live(store, "bank")
        yield store


MARIADB = pytest.param("lent_mariadb", marks=pytest.mark.mariadb)


@pytest.fixture(params=["memory", "lent_sqlite", "lent_postgres", MARIADB])
def target(request: pytest.FixtureRequest) -> Generator[MemoryStore | SqlStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    databases: LentDatabases | LentFiles = request.getfixturevalue(request.param)
    with databases.engine() as engine, SqlStore(engine) as store:
        yield store


def exported(store: AuditableStore, path: Path, *, with_key: bool = True) -> End:
    return export_ledger(store, lambda heading: opened_sink(path, heading), with_key=with_key)


def imported(store: FillableStore, path: Path, key: bytes | None = None) -> End:
    with opened_source(path) as source:
        return import_ledger(store, source, key=key)
