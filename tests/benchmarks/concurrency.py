"""Sign-ins of concurrent threads, on databases that wait for the disk at each commit.

Wall clock, for most of a commit is waiting.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from statistics import median, quantiles
from threading import Barrier
from time import perf_counter

from addressee.adapters.sql import SqlStore
from addressee.application import Call, Identity, Personalization, bulk
from tests.benchmarks.report import Figure
from tests.servers import postgres_server

ROUNDS = 5
COMMANDS = 320
"""Of each measurement, for all threads together."""
GROUP = 64
NAMES = count()


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield from on_database("SQLite", f"sqlite:///{folder}/ours.db", 2.5)
    with postgres_server(durable=True) as server:
        yield from on_database("PostgreSQL", server.new_database(), 4.0)


def on_database(name: str, url: str, bar: float) -> Iterator[Figure]:
    with SqlStore(url) as store:
        shared, apart = Personalization(store, group=GROUP), Personalization(store, group=1)
        many, one = alternating((shared, 32), (shared, 1))
        yield Figure(f"{name}, 32 threads beside one", per_command(many), per_command(one), bar)
        ours, other = alternating((shared, 1), (apart, 1))
        title = f"{name}, one thread with shared transactions beside without"
        yield Figure(title, per_command(ours), per_command(other), 0.97)
        ours, other = alternating((shared, 32), (apart, 32))
        title = f"{name}, 32 threads with shared transactions beside without"
        yield Figure(title, per_command(ours), per_command(other), 2.0)
        ours, other = alternating((shared, 8), (apart, 8))
        title = f"{name}, 99th percentile of 8 threads with shared transactions beside without"
        yield Figure(title, slowest(ours), slowest(other), 1.0)


Run = list[list[float]]
"""The seconds of each command, by thread."""


def alternating(*sides: tuple[Personalization, int]) -> list[list[Run]]:
    """Measure in turn, so that both drift alike; the first round is to warm up."""
    rounds = [[sign_ins(*side) for side in sides] for _ in range(ROUNDS + 1)]
    return [list(side) for side in zip(*rounds[1:], strict=True)]


def sign_ins(people: Personalization, threads: int) -> Run:
    names = [f"device-{next(NAMES)}" for _ in range(COMMANDS)]
    bulk(people, [registration(name) for name in names])
    start = Barrier(threads)

    def work(thread: int) -> list[float]:
        start.wait()
        seconds = list[float]()
        for name in names[thread::threads]:
            began = perf_counter()
            people.personalize(name, Identity(external_id=name, emails=[f"{name}@x.com"]))
            seconds.append(perf_counter() - began)
        return seconds

    with ThreadPoolExecutor(threads) as pool:
        return [*pool.map(work, range(threads))]


def registration(name: str) -> Call:
    return lambda people: people.register("shop", installation=name)


def per_command(runs: list[Run]) -> float:
    """Return the median of the rounds' seconds a command, all threads together."""
    return median(max(map(sum, run)) / sum(map(len, run)) for run in runs)


def slowest(runs: list[Run]) -> float:
    """Return the median of the rounds' 99th percentiles of a command's seconds."""
    return median(
        quantiles([seconds for thread in run for seconds in thread], n=100)[-1] for run in runs
    )
