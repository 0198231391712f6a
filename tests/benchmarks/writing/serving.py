"""Sign-ins a second by `addressee serve`, over 50 connections beside one.

Wall clock; a client of 50 threads shares the machine with the server, on both sides.
"""

from __future__ import annotations

import http.client
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from time import perf_counter
from urllib.parse import urlsplit

from addressee.adapters.sql import SqlStore
from addressee.domain import MobileApp
from tests.benchmarks.report import Figure, compared
from tests.servers import http_server

CONNECTIONS = 50
REQUESTS = 500
"""Of each measurement, over all connections together."""
ROUNDS = 7
HOME = "/mobile/1/appinstance"
NAMES = count()


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ours.db"
        with SqlStore(url) as store:
            store.applications.put(MobileApp(code="shop", rate_limit=1_000_000))
        with http_server(url) as served:
            sides = [
                (seconds(served.url, CONNECTIONS), seconds(served.url, 1))
                for _ in range(ROUNDS + 1)
            ][1:]
    many, one = ([each / REQUESTS for each in side] for side in zip(*sides, strict=True))
    title = f"sign-ins over {CONNECTIONS} connections beside one, SQLite"
    yield Figure(title, *compared(many, one), 2.0)


def seconds(url: str, connections: int) -> float:
    """Return how long the requests take, over so many connections that stay open."""
    start = Barrier(connections + 1)

    def work(_: int) -> None:
        server = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        device = json.loads(posted(server, HOME, {"os": "Android"}))["pushRegId"]
        start.wait()
        for _ in range(REQUESTS // connections):
            path = f"{HOME}/{device}/personalize?forceDepersonalize=true"
            posted(server, path, {"userIdentity": {"externalUserId": f"customer-{next(NAMES)}"}})
        server.close()

    with ThreadPoolExecutor(connections) as threads:
        running = [threads.submit(work, n) for n in range(connections)]
        start.wait()
        began = perf_counter()
        for each in running:
            each.result()
        return perf_counter() - began


def posted(server: http.client.HTTPConnection, path: str, body: object) -> bytes:
    server.request("POST", path, json.dumps(body), {"Authorization": "App shop"})
    response = server.getresponse()
    content = response.read()
    if response.status != http.client.OK:
        raise RuntimeError(f"{response.status}: {content.decode()}")
    return content
