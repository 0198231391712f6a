"""Sign-ins over HTTP with a database some milliseconds away, while policies change (#29a, X1)."""

from __future__ import annotations

import http.client
import json
import logging
import time
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import verify
from addressee.domain import MobileApp
from tests.clients.watch import Watch
from tests.patience import Progress
from tests.servers import MariaDB, Postgres, distant, http_server

CLIENTS, MANY_CLIENTS = 30, 60
CHANGES = 2
LONG_SECONDS = 120
DISTANCE = 0.003
PAUSE = 0.3
"""Seconds between changes of policies."""
LOG = logging.getLogger(__name__)
HOME = "/mobile/1/appinstance"


@contextmanager
def changing_policies(store: SqlStore) -> Generator[Progress]:
    """Change an application's device cap again and again, until the block ends."""
    done, changes = Event(), Progress()

    def change() -> None:
        number = 0
        while not done.wait(PAUSE):
            number += 1
            store.applications.put(MobileApp(code="shop", device_cap=2 + number % 2))
            changes.add()

    thread = Thread(target=change)
    thread.start()
    try:
        yield changes
    finally:
        done.set()
        thread.join()


def sign_in(answered: Progress, url: str, client: int) -> list[tuple[int, float]]:
    """Sign a device's next customer in again and again; return statuses and times in seconds."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=90)
    headers = {"Authorization": "App shop"}
    found: list[tuple[int, float]] = []

    def send(path: str, body: object) -> bytes:
        started = time.monotonic()
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        found.append((answer.status, time.monotonic() - started))
        answered.add()
        return content

    device = json.loads(send(HOME, {"os": "Android"}))["pushRegId"]
    while not answered.over:
        who = f"customer-{client}-{len(found) % 5}"
        path = f"{HOME}/{device}/personalize?forceDepersonalize=true"
        send(path, {"userIdentity": {"externalUserId": who}})
    connection.close()
    return found


@pytest.mark.parametrize(
    "database",
    ["postgres", pytest.param("mariadb", marks=[pytest.mark.every_case, pytest.mark.mariadb])],
)
def test_sign_ins_do_not_wait_for_each_others_connections(
    request: pytest.FixtureRequest, database: str, *, long: bool
) -> None:
    server: Postgres | MariaDB = request.getfixturevalue(database)
    near, clients = server.new_database(), MANY_CLIENTS if long else CLIENTS
    with SqlStore(near) as store, distant(near, DISTANCE) as far:
        store.applications.put(MobileApp(code="shop", device_cap=2))
        with (
            http_server(far) as served,
            changing_policies(store) as changes,
            Watch(served, "GET", "/v1/health") as health,
            ThreadPoolExecutor(clients) as threads,
            closing(Progress()) as answered,
        ):
            running = [
                threads.submit(sign_in, answered, served.url, number) for number in range(clients)
            ]
            if long:
                time.sleep(LONG_SECONDS)
            answered.wait_for(2 * clients, "sign-ins")
            changes.wait_for(CHANGES, "changes of policies")
            answered.close()
            answers = [answer for each in running for answer in each.result()]
        assert verify(store).differences == ()
    statuses, slowest = Counter(status for status, _ in answers), max(time for _, time in answers)
    figures = f"{database}: {dict(statuses)}, {slowest:.2f} s, health {max(health.times):.3f} s"
    LOG.info(figures)
    assert statuses.keys() == {200}, figures
    # The fault was a stall of 30 seconds, after which the pool gave up: 503.
    assert not long or (slowest < 2 and max(health.times) < 0.1), figures
