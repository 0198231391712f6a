"""Forty requests at once with the public code, around each limit, harm nobody else (R57)."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from sqlalchemy import create_engine, text

from addressee.adapters.sql import SqlStore
from addressee.application import issue_key
from addressee.domain import MobileApp
from tests.servers import Postgres, Served, http_server

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


class Watch:
    """Asks for the server's health and runs another application's command, again and again."""

    def __init__(self, served: Served, key: str) -> None:
        self.health: list[float] = []
        self.command: list[float] = []
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(self.health, served, "GET", "health", {})),
            threading.Thread(
                target=self._ask,
                args=(self.command, served, "POST", "commands/register", {"os": "a"}, key),
            ),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _ask(  # noqa: PLR0913, PLR0917 # a request
        self,
        times: list[float],
        served: Served,
        method: str,
        path: str,
        body: dict[str, Any],
        key: str = "",
    ) -> None:
        headers = {"Authorization": f"App {key}"} if key else {}
        with httpx.Client(base_url=f"{served.url}/v1", headers=headers, timeout=60) as http:
            while not self._end.is_set():
                started = time.perf_counter()
                answer = http.request(method, f"/{path}", json=body or None)
                times.append(time.perf_counter() - started)
                assert answer.status_code == 200, answer.text
                time.sleep(0.02)


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

        with Watch(served, key) as watch, ThreadPoolExecutor(AT_ONCE) as pool:
            statuses = Counter(pool.map(send, devices))
        http.close()
        grown = resident(served.process.pid) - start
    # A person has at most so many devices and tags; every other request below a limit is taken.
    expected = {400, 429, 503} if far else {200, 400, 429, 503}
    assert set(statuses) <= expected, statuses
    figures = (flood, far, statuses, max(watch.health), max(watch.command), grown)
    assert grown < 100 * MEGABYTE, figures
    if long:
        assert max(watch.health) < 0.1, figures
        assert max(watch.command) < 1, figures


@contextmanager
def locked(url: str) -> Generator[None]:
    """Keep all writers out of a store."""
    engine = create_engine(url)
    statement = "lock table addressee_event" if "postgresql" in url else "begin immediate"
    with engine.connect() as connection:
        connection.execute(text(statement))
        yield
        connection.rollback()
    engine.dispose()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_R57_health_answers_while_the_ledger_is_locked(
    tmp_path: Path, request: pytest.FixtureRequest, database: str, long: bool
) -> None:
    url = f"sqlite:///{tmp_path}/locked.db"
    if database == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
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
        health, reads = list[float](), list[float]()
        with ThreadPoolExecutor(60) as pool, locked(url):
            answers = pool.map(register, range(60))
            end = time.monotonic() + (20 if long else 4)
            while time.monotonic() < end:
                for times, path, body in (
                    (health, "/v1/health", None),
                    (reads, "/v1/ready", None),
                    (reads, "/v1/audiences/count", {"expression": "all"}),
                ):
                    # PostgreSQL keeps readers of a locked table out as well.
                    if database == "postgresql" and body:
                        continue
                    method = "POST" if body else "GET"
                    headers = {"Authorization": f"App {key}"}
                    started = time.perf_counter()
                    answer = httpx.request(
                        method, f"{served.url}{path}", json=body, headers=headers, timeout=30
                    )
                    times.append(time.perf_counter() - started)
                    assert answer.status_code == 200, answer.text
                time.sleep(0.05)
        statuses = Counter(answers)
    assert set(statuses) <= {200, 503}, statuses
    assert max(reads) < 5, (max(health), max(reads), statuses)
    assert not long or max(health) < 0.1, max(health)
