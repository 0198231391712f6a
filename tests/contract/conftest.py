"""Every store passes this folder's tests: an adapter is a line in ``STORES``."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment
from sqlalchemy import QueuePool, make_url

from addressee.adapters.eventsourcing_store import RecorderStore
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.pool import made_engine
from addressee.application import History, Identity, Personalization, Store, Targeting
from tests.servers import MariaDB, Postgres

INDEXED = ("attr.plan", "iattr.theme")


def in_memory(_: pytest.FixtureRequest) -> Generator[Store]:
    yield MemoryStore(indexed_attributes=INDEXED)


def on_sqlite(request: pytest.FixtureRequest) -> Generator[Store]:
    folder: Path = request.getfixturevalue("tmp_path")
    yield from in_database(f"sqlite:///{folder}/ledger.db")


def on_postgresql(request: pytest.FixtureRequest) -> Generator[Store]:
    server: Postgres = request.getfixturevalue("postgres")
    yield from in_database(server.new_database())


def on_mariadb(request: pytest.FixtureRequest) -> Generator[Store]:
    server: MariaDB = request.getfixturevalue("mariadb")
    yield from in_database(server.new_database())


def in_database(url: str) -> Generator[Store]:
    engine = made_engine(url)
    with SqlStore(engine, indexed_attributes=INDEXED) as store:
        yield store
        assert isinstance(engine.pool, QueuePool)
        assert engine.pool.checkedout() == 0, "a connection leaked"
    engine.dispose()


def stock_sqlite(request: pytest.FixtureRequest) -> Generator[Store]:
    folder: Path = request.getfixturevalue("tmp_path")
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": f"{folder}/stock.db",
    }
    yield from on_stock(environment, f"sqlite:///{folder}/copy.db")


def stock_postgresql(request: pytest.FixtureRequest) -> Generator[Store]:
    server: Postgres = request.getfixturevalue("postgres")
    url = make_url(server.new_database())
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": url.database or "",
        "POSTGRES_HOST": url.host or "",
        "POSTGRES_PORT": str(url.port),
        "POSTGRES_USER": url.username or "",
        "POSTGRES_PASSWORD": url.password or "",
    }
    yield from on_stock(environment, url.render_as_string(hide_password=False))


def on_stock(environment: dict[str, str], copy: str) -> Generator[Store]:
    """Yield a store on a stock persistence module of `eventsourcing`."""
    stock = {"ORIGINATOR_ID_TYPE": "text", **environment}
    factory = InfrastructureFactory.construct(Environment("ledger", stock))
    ledger = factory.application_recorder()
    for store in in_database(copy):
        assert isinstance(store, SqlStore)
        yield RecorderStore(ledger, store)
    factory.close()


STORES: dict[str, Callable[[pytest.FixtureRequest], Generator[Store]]] = {
    "memory": in_memory,
    "sqlite": on_sqlite,
    "postgresql": on_postgresql,
    "mariadb": on_mariadb,
    "stock_sqlite": stock_sqlite,
    "stock_postgresql": stock_postgresql,
}
MARKS = {"mariadb": pytest.mark.mariadb}
PARAMS = [pytest.param(name, marks=MARKS.get(name, ())) for name in STORES]


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
