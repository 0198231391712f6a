"""Real databases for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.servers import MariaDB, Postgres

DATABASES = ["sqlite", "postgresql", pytest.param("mariadb", marks=pytest.mark.mariadb)]
NUMBERS = count(1)


@pytest.fixture(params=DATABASES)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Return what makes a database that nobody has used, and gives its URL."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/ledger{next(NUMBERS)}.db"
    server: Postgres | MariaDB = request.getfixturevalue(
        "postgres" if request.param == "postgresql" else "mariadb"
    )
    return server.new_database


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()
