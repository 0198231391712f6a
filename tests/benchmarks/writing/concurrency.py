"""Sign-ins of concurrent threads, on databases that wait for the disk at each commit.

The stock command is that of the benchmark ``ledger``: it loads two aggregates and saves an event of
each. Wall clock, for most of a commit is waiting.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from statistics import quantiles
from threading import Barrier
from time import perf_counter

from addressee.adapters.sql import SqlStore
from addressee.application import Call, Identity, Personalization, bulk
from tests.benchmarks.report import Figure, compared
from tests.benchmarks.writing.stock import StockService, stock_environment
from tests.servers import postgres_server

ROUNDS = 7
MANY_ROUNDS = 15
"""Where the sides differ by little."""
COMMANDS = 320
"""Of each measurement, for all threads together."""
GROUP = 64
NAMES = count()


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        databases = (f"sqlite:///{folder}/{n}.db" for n in count())
        yield from on_database("SQLite", lambda: next(databases), (2.5, 3.0))
    with postgres_server(durable=True) as server:
        yield from on_database("PostgreSQL", server.new_database, (4.0, 2.0))


def on_database(
    name: str, new_database: Callable[[], str], bars: tuple[float, float]
) -> Iterator[Figure]:
    stock = StockService(stock_environment(new_database()))
    with SqlStore(new_database()) as store:
        shared = signing_in(Personalization(store, group=GROUP))
        apart = signing_in(Personalization(store, group=1))
        many, one = alternating((shared, 32), (shared, 1))
        yield Figure(
            f"{name}, 32 threads beside one",
            *compared(per_command(many), per_command(one)),
            bars[0],
        )
        ours, other = alternating((shared, 32), (binding(stock), 32))
        title = f"{name}, 32 threads beside 32 of stock commands"
        yield Figure(title, *compared(per_command(ours), per_command(other)), bars[1])
        ours, other = alternating((shared, 1), (apart, 1), rounds=MANY_ROUNDS)
        title = f"{name}, one thread with shared transactions beside without"
        yield Figure(title, *compared(per_command(ours), per_command(other)), 0.97)
        ours, other = alternating((shared, 32), (apart, 32))
        title = f"{name}, 32 threads with shared transactions beside without"
        yield Figure(title, *compared(per_command(ours), per_command(other)), 2.0)
        ours, other = alternating((shared, 8), (apart, 8))
        title = f"{name}, 99th percentile of 8 threads with shared transactions beside without"
        yield Figure(title, *compared(slowest(ours), slowest(other)), 1.0)
    stock.close()


Command = Callable[[], object]
Prepare = Callable[[], list[Command]]
"""Makes what the commands of one measurement need, and returns them."""
Run = list[list[float]]
"""The seconds of each command, by thread."""


def alternating(*sides: tuple[Prepare, int], rounds: int = ROUNDS) -> list[list[Run]]:
    """Measure in turn, so that both drift alike; the first round is to warm up.

    Every second round goes the other way, or what comes every so many commands might always meet
    the same side.
    """
    found: list[list[Run]] = [[] for _ in sides]
    numbered = [*enumerate(sides)]
    for round_ in range(rounds + 1):
        for number, (prepare, threads) in numbered[:: -1 if round_ % 2 else 1]:
            measured = run(prepare(), threads)
            if round_:
                found[number].append(measured)
    return found


def run(commands: list[Command], threads: int) -> Run:
    start = Barrier(threads)

    def work(thread: int) -> list[float]:
        start.wait()
        seconds = list[float]()
        for command in commands[thread::threads]:
            began = perf_counter()
            command()
            seconds.append(perf_counter() - began)
        return seconds

    with ThreadPoolExecutor(threads) as pool:
        return [*pool.map(work, range(threads))]


def signing_in(people: Personalization) -> Prepare:
    def sign_in(name: str) -> Command:
        identity = Identity(external_id=name, emails=[f"{name}@x.com"])
        return lambda: people.personalize(name, identity)

    def prepare() -> list[Command]:
        names = [f"device-{next(NAMES)}" for _ in range(COMMANDS)]
        bulk(people, [registration(name) for name in names])
        return [sign_in(name) for name in names]

    return prepare


def binding(stock: StockService) -> Prepare:
    def prepare() -> list[Command]:
        pairs = [(stock.register(n), stock.create(n)) for n in range(COMMANDS)]
        return [partial(stock.personalize, *pair) for pair in pairs]

    return prepare


def registration(name: str) -> Call:
    return lambda people: people.register("shop", installation=name)


def per_command(runs: list[Run]) -> list[float]:
    """Return the seconds a command of each round, all threads together."""
    return [max(map(sum, run)) / sum(map(len, run)) for run in runs]


def slowest(runs: list[Run]) -> list[float]:
    """Return the 99th percentile of the seconds of a command, of each round."""
    return [quantiles([seconds for thread in run for seconds in thread], n=100)[-1] for run in runs]
