"""Forty requests at once with the public code, around each limit, harm nobody else (R57)."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from addressee.adapters.sql import SqlStore
from addressee.application import issue_key
from addressee.domain import MobileApp
from tests.servers import MariaDB, Postgres, Watch, http_server

from .conftest import HOME

AT_ONCE = 40
MEGABYTE = 1 << 20
SIGN_IN: dict[str, Any] = {"userIdentity": {"externalUserId": "flood"}}


def contacts(count: int) -> dict[str, Any]:
    emails = [{"address": f"ü{n}@ü{n % 10}.example.com"} for n in range(count)]
    return {"userIdentity": {"externalUserId": f"flood-{count}", "emails": emails}}


def attributes(count: int) -> dict[str, Any]:
    return {"customAttributes": {f"a{n}": n for n in range(count)}}


def tags(count: int) -> dict[str, Any]:
    return {**SIGN_IN, "userAttributes": {"tags": [f"t{n}" for n in range(count)]}}


def carts(count: int) -> dict[str, Any]:
    return {"customAttributes": {"cart": [{"product": "shoes"}] * count}}


FLOODS: dict[str, tuple[str, Callable[[int], dict[str, Any]], int, int]] = {
    "contacts": ("personalize", contacts, 100, 20_000),
    "attributes": ("", attributes, 200, 60_000),
    "tags": ("personalize", tags, 900, 60_000),
    "carts": ("", carts, 150, 40_000),
}


def resident(process: int) -> int:
    """Return the memory of a process, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("far", [False, True], ids=["just below", "far above"])
def test_R57_a_flood_with_the_public_code(
    tmp_path: Path, flood: str, far: bool, long: bool
) -> None:
    path, build, below, above = FLOODS[flood]
    body = json.dumps(build(above if far else below)).encode()
    assert len(body) < MEGABYTE
    url = f"sqlite:///{tmp_path}/flood.db"
    with SqlStore(url) as store:
        for code in ("open", "bank"):
            store.applications.put(MobileApp(code=code))
        key = issue_key(store.applications, "bank", "backend")
    headers = {"Authorization": "App open"}
    with http_server(url) as served:
        http = httpx.Client(base_url=served.url, headers=headers, timeout=120)
        devices = [http.post(HOME, json={"os": "a"}).json()["pushRegId"] for _ in range(AT_ONCE)]
        for device in devices[:6]:
            http.patch(f"{HOME}/{device}", json={"os": "b"})
        start = resident(served.process.pid)

        def send(device: str) -> int:
            if path:
                return http.post(f"{HOME}/{device}/{path}", content=body).status_code
            return http.patch(f"{HOME}/{device}", content=body).status_code

        health = Watch(served, "GET", "/v1/health")
        command = Watch(served, "POST", "/v1/commands/register", '{"os": "a"}', key)
        with health, command, ThreadPoolExecutor(AT_ONCE) as pool:
            statuses = Counter(pool.map(send, devices))
        http.close()
        grown = resident(served.process.pid) - start
    # A person has at most so many devices and tags; every other request below a limit is taken.
    expected = {400, 429, 503} if far else {200, 400, 429, 503}
    assert set(statuses) <= expected, statuses
    figures = (flood, far, statuses, max(health.times), max(command.times), grown)
    assert grown < 100 * MEGABYTE, figures
    if long:
        assert max(health.times) < 0.1, figures
        assert max(command.times) < 1, figures


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
    "database", ["sqlite", "postgres", pytest.param("mariadb", marks=pytest.mark.mariadb)]
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
    with http_server(url) as served:

        def register(_: int) -> int:
            headers = {"Authorization": "App open"}
            answer = httpx.post(
                f"{served.url}{HOME}", json={"os": "a"}, headers=headers, timeout=90
            )
            return answer.status_code

        assert register(0) == 200
        health, ready = Watch(served, "GET", "/v1/health"), Watch(served, "GET", "/v1/ready")
        count = Watch(served, "POST", "/v1/audiences/count", '{"expression": "all"}', key)
        with ThreadPoolExecutor(60) as pool, locked(url):
            answers = pool.map(register, range(60))
            # Servers keep readers of a locked table out as well.
            with health, ready, count if database == "sqlite" else nullcontext():
                time.sleep(20 if long else 4)
        statuses = Counter(answers)
    assert set(statuses) <= {200, 503}, statuses
    figures = (max(health.times), max(ready.times), max(count.times, default=0), statuses)
    assert max(figures[:3]) < 5, figures
    assert not long or max(health.times) < 0.1, figures
