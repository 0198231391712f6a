"""Every store passes this folder's tests: an adapter is a line in ``STORES``."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment
from sqlalchemy import Engine, QueuePool, make_url

from addressee.adapters.eventsourcing_store import RecorderStore
from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import History, Identity, Personalization, Store, Targeting
from tests.cases import spread
from tests.servers import LentDatabases, LentFiles, Postgres

INDEXED = ("attr.plan", "iattr.theme")


def in_memory(_: pytest.FixtureRequest) -> Generator[Store]:
    yield MemoryStore(indexed_attributes=INDEXED)


def on_sqlite(request: pytest.FixtureRequest) -> Generator[Store]:
    yield from on_lent(request.getfixturevalue("lent_sqlite"))


def new_folder(request: pytest.FixtureRequest) -> Path:
    """Return a folder for a store, which may be that of a module."""
    folders: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    return folders.mktemp("store")


def sealed_sqlite(request: pytest.FixtureRequest) -> Generator[Store]:
    databases: LentFiles = request.getfixturevalue("lent_sqlite")
    url = f"sqlite:///{new_folder(request)}/keys.db"
    with (
        databases.engine() as engine,
        SqlKeyStore(url, wrapping_key=bytes(32)) as keys,
        SqlStore(engine, indexed_attributes=INDEXED, keys=keys) as store,
    ):
        yield store


def on_postgresql(request: pytest.FixtureRequest) -> Generator[Store]:
    yield from on_lent(request.getfixturevalue("lent_postgres"))


def on_mariadb(request: pytest.FixtureRequest) -> Generator[Store]:
    yield from on_lent(request.getfixturevalue("lent_mariadb"))


def on_lent(databases: LentDatabases | LentFiles) -> Generator[Store]:
    with databases.engine() as engine:
        yield from on_engine(engine)


def on_engine(engine: Engine) -> Generator[Store]:
    with SqlStore(engine, indexed_attributes=INDEXED) as store:
        yield store
        assert isinstance(engine.pool, QueuePool)
        assert engine.pool.checkedout() == 0, "a connection leaked"


def stock_sqlite(request: pytest.FixtureRequest) -> Generator[Store]:
    folder = new_folder(request)
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": f"{folder}/stock.db",
    }
    yield from on_stock(environment, "ledger", on_sqlite(request))


def stock_postgresql(request: pytest.FixtureRequest) -> Generator[Store]:
    url = make_url(request.getfixturevalue("stock_database"))
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": url.database or "",
        "POSTGRES_HOST": url.host or "",
        "POSTGRES_PORT": str(url.port),
        "POSTGRES_USER": url.username or "",
        "POSTGRES_PASSWORD": url.password or "",
    }
    # Tables of its own for each test, in a database for all.
    name = f"ledger{next(request.getfixturevalue('numbers'))}"
    yield from on_stock(environment, name, on_postgresql(request))


def on_stock(environment: dict[str, str], name: str, copies: Generator[Store]) -> Generator[Store]:
    """Yield a store on a stock persistence module of `eventsourcing`."""
    stock = {"ORIGINATOR_ID_TYPE": "text", **environment}
    factory = InfrastructureFactory.construct(Environment(name, stock))
    ledger = factory.application_recorder()
    for copy in copies:
        assert isinstance(copy, SqlStore)
        yield RecorderStore(ledger, copy)
    factory.close()


STORES: dict[str, Callable[[pytest.FixtureRequest], Generator[Store]]] = {
    "memory": in_memory,
    "sqlite": on_sqlite,
    "sealed_sqlite": sealed_sqlite,
    "postgresql": on_postgresql,
    "mariadb": on_mariadb,
    "stock_sqlite": stock_sqlite,
    "stock_postgresql": stock_postgresql,
}
MARKS = {"mariadb": pytest.mark.mariadb}
PARAMS = [pytest.param(name, marks=MARKS.get(name, ())) for name in STORES]


LEDGERS = {"test_ledger", "test_oracle", "test_personalize", "test_races", "test_recorders"}
"""The files whose tests run by default on the stock ledger of PostgreSQL too.

Elsewhere it adds nothing to the same ledger on SQLite and to our own on PostgreSQL.
"""


SPREAD = ("stock_sqlite", "postgresql", "sealed_sqlite", "mariadb", "stock_postgresql")
"""The stores that by default run a few of the cases of a test, each others than the next one.

What a case adds is the same on all of them; in memory and on SQLite all cases run.
"""


RECORDED = {"commands", "ledger", "test_oracle"}
"""The folders and files whose tests run by default on the stock ledger of SQLite.

They look at what is recorded, and at what follows from it; elsewhere it is our own on SQLite.
"""


SEALED = {"test_batches", "test_recipients", "test_segments", "test_verify"}
"""The files whose tests run by default on a sealed store too: what is sealed is in all of them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {"stock_sqlite": RECORDED, "stock_postgresql": LEDGERS, "sealed_sqlite": SEALED}
    for item in items:
        [store, *_] = item.name.partition("[")[2].rstrip("]").split("-")
        if store in places and places[store].isdisjoint((*item.path.parts, item.path.stem)):
            item.add_marker(pytest.mark.every_case)
    spread(items, "store", SPREAD)


@pytest.fixture(scope="session")
def stock_database(postgres: Postgres) -> str:
    return postgres.new_database()


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture(params=PARAMS)
def store(request: pytest.FixtureRequest) -> Generator[Store]:
    yield from STORES[request.param](request)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


class Host:
    """A host service with everything at hand."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.people = Personalization(store, clock=clock)
        self.reach = Targeting(store)
        self.history = History(store)

    def device(self, name: str = "phone", application: str = "shop", **facts: str) -> str:
        return self.people.register(application, installation=name, **facts).installation  # type: ignore[arg-type] # facts are strings here

    def login(self, device: str, external_id: str, **options: bool) -> str:
        identity = Identity(external_id=external_id)
        return self.people.personalize(device, identity, **options).person  # type: ignore[arg-type] # options are flags here

    def found(self, audience: str, application: str = "shop") -> list[str]:
        return list(self.reach.targets(application, audience))

    def topics(self, device: str) -> list[str]:
        return [type(event).__name__ for _, event in self.history.installation(device)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def host(store: Store, clock: Clock) -> Host:
    return Host(store, clock)
