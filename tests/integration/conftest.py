"""Real databases for the tests of this folder."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.servers import MariaDB, Postgres, mariadb_server, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Generator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Generator[MariaDB]:
    with mariadb_server() as server:
        yield server


DATABASES = ["sqlite", "postgresql", pytest.param("mariadb", marks=pytest.mark.mariadb)]
SERVERS = DATABASES[1:]


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_database(request, tmp_path)


def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that nobody has used, of the kind that a test is given."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: Postgres | MariaDB = request.getfixturevalue(
        "postgres" if request.param == "postgresql" else "mariadb"
    )
    return server.new_database()
