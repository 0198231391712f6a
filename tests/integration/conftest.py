"""Real databases and brokers for the tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from itertools import count
from pathlib import Path

import pytest

from tests.cases import SERVERS, spread
from tests.servers import LentDatabases, MariaDB, Postgres
from tests.servers.sinks.brokers import Broker, Nats, RabbitMQ, Redis, broker

DATABASES = ["sqlite", "postgresql", pytest.param("mariadb", marks=pytest.mark.mariadb)]
NUMBERS = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    spread(items, "database", SERVERS)
    spread(items, "target", ("lent_postgres", "lent_mariadb"))  # of ledgers in files


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Return what makes a database that nobody has used, and gives its URL."""
    if database == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/ledger{next(NUMBERS)}.db"
    server: Postgres | MariaDB = request.getfixturevalue(
        "postgres" if database == "postgresql" else "mariadb"
    )
    return server.new_database


@pytest.fixture
def url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """Return the URL of a store without events."""
    if database == "sqlite":
        path = tmp_path / "ledger.db"
        shutil.copy(request.getfixturevalue("empty_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    lent = "lent_postgres" if database == "postgresql" else "lent_mariadb"
    databases: LentDatabases = request.getfixturevalue(lent)
    with databases.engine() as engine:
        yield engine.url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def nats_broker() -> Generator[Broker]:
    with broker(Nats) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_broker() -> Generator[Broker]:
    with broker(RabbitMQ) as server:
        yield server


@pytest.fixture(scope="session")
def redis_broker() -> Generator[Broker]:
    with broker(Redis) as server:
        yield server
