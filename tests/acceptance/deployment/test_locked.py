"""Health answers while the database keeps all writers out (R57)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from addressee.adapters.sql import SqlStore
from addressee.application import issue_key
from addressee.domain import MobileApp
from tests.acceptance.transport.conftest import HOME
from tests.clients.watch import Watch
from tests.servers import MariaDB, Postgres, client, http_server

ANSWERS, LONG_SECONDS = 50, 20
WAIT_FOR_A_LOCK = 30
"""Seconds after which a writer gives up: who waited for the lock was not answered before."""
LOCKS = {
    "sqlite": "begin immediate",
    "postgresql": "lock table addressee_event",
    "mariadb": "lock tables addressee_event write",
}


@contextmanager
def locked(url: str) -> Generator[None]:
    """Keep all writers out of a store."""
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text(LOCKS[engine.dialect.name]))
        yield
        connection.rollback()
    engine.dispose()


@pytest.mark.parametrize(
    "database",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.every_case),
        pytest.param("mariadb", marks=[pytest.mark.every_case, pytest.mark.mariadb]),
    ],
)
def test_R57_health_answers_while_the_ledger_is_locked(
    tmp_path: Path, request: pytest.FixtureRequest, database: str, long: bool
) -> None:
    url = f"sqlite:///{tmp_path}/locked.db"
    if database != "sqlite":
        server: Postgres | MariaDB = request.getfixturevalue(database)
        url = server.new_database()
    with SqlStore(url) as store:
        store.applications.put(MobileApp(code="open"))
        key = issue_key(store.applications, "open", "backend")
    with http_server(url) as served, client(served.url) as http:

        def register(_: int) -> int:
            answer = http.post(HOME, json={"os": "a"}, headers={"Authorization": "App open"})
            return answer.status_code

        assert register(0) == 200
        watches = [Watch(served, "GET", "/v1/health"), Watch(served, "GET", "/v1/ready")]
        if database == "sqlite":  # servers keep readers of a locked table out as well
            watches.append(
                Watch(served, "POST", "/v1/audiences/count", '{"expression": "all"}', key)
            )
        with ThreadPoolExecutor(60) as pool, locked(url):
            answers = pool.map(register, range(60))
            with ExitStack() as watching:
                for watch in watches:
                    watching.enter_context(watch)
                for watch in watches:
                    watch.wait_for(ANSWERS)
                if long:
                    time.sleep(LONG_SECONDS)
        statuses = Counter(answers)
    assert set(statuses) <= {200, 503}, statuses
    longest = [max(watch.times) for watch in watches]
    # By default a busy machine may be slow, as long as nobody waits for the lock.
    assert max(longest) < WAIT_FOR_A_LOCK / (3 if long else 1), longest
    assert not long or longest[0] < 0.1, longest
