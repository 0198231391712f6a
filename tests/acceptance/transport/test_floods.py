"""Forty requests at once with the public code, around each limit, harm nobody else (R57)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
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


WATCH = """
import http.client, json, sys, time
from urllib.parse import urlsplit
url, method, path, body, key = sys.argv[1:]
connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
print(flush=True)
while True:
    started = time.perf_counter()
    connection.request(method, path, body or None, {"Authorization": f"App {key}"})
    answer = connection.getresponse()
    answer.read()
    print(answer.status, time.perf_counter() - started, flush=True)
    time.sleep(0.02)
"""
"""A process of its own: the threads that flood would delay its clock."""


class Watch:
    """Sends a request again and again, until the block ends.

    Attributes:
        times: how long each took, in seconds.
    """

    def __init__(
        self, served: Served, method: str, path: str, body: str = "", key: str = ""
    ) -> None:
        self._command = [sys.executable, "-c", WATCH, served.url, method, path, body, key]
        self.times: list[float] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        said = self._process.communicate()[0]
        answers = [line.split() for line in said.splitlines() if line.count(" ") == 1]
        assert {answer[0] for answer in answers} == {"200"}
        self.times = [float(answer[1]) for answer in answers]


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
        health, ready = Watch(served, "GET", "/v1/health"), Watch(served, "GET", "/v1/ready")
        count = Watch(served, "POST", "/v1/audiences/count", '{"expression": "all"}', key)
        with ThreadPoolExecutor(60) as pool, locked(url):
            answers = pool.map(register, range(60))
            # PostgreSQL keeps readers of a locked table out as well.
            with health, ready, count if database == "sqlite" else nullcontext():
                time.sleep(20 if long else 4)
        statuses = Counter(answers)
    assert set(statuses) <= {200, 503}, statuses
    figures = (max(health.times), max(ready.times), max(count.times, default=0), statuses)
    assert max(figures[:3]) < 5, figures
    assert not long or max(health.times) < 0.1, figures
