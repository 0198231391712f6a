"""Real databases for the tests of this folder."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.servers import Postgres, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Generator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()
