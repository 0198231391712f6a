"""A sign-in on disk, beside the stock stores of `eventsourcing` and beside the bare driver.

The command is one person's first sign-in, with an external id, an e-mail address and two tags, on a
device that is registered: eight events on four streams, two claims, the owner and the postings, in
one transaction that waits for the disk. The stock command loads two aggregates, binds them to each
other and saves an event of each, from load to commit as ours; it keeps no index. The floor writes
the same rows as ours with the bare driver. Python's collector of cyclic garbage looks seldom for
all of them, as `addressee apply` has it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from addressee.adapters.cli.garbage_collection import collected_seldom
from addressee.adapters.sql import SqlStore
from addressee.application import Call, Identity, Personalization, Personalized, bulk
from tests.benchmarks.report import Figure, compared
from tests.benchmarks.writing import floor
from tests.benchmarks.writing.stock import StockService, stock_environment
from tests.benchmarks.writing.writers import our_writers, stock_writers
from tests.servers import Postgres, postgres_server

COMMANDS = 150
BATCH = 1000
ROUNDS = 7
Databases = Callable[[], str]
Floor = Callable[[str, list[floor.Written]], None]


def figures() -> Iterator[Figure]:
    with ExitStack() as stack:
        stack.enter_context(collected_seldom())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgres_server(durable=True))
        numbers = iter(range(1_000_000))
        yield from of_database(
            "SQLite FULL",
            lambda: f"sqlite:///{folder}/{next(numbers)}.db",
            floors=(floor.sqlite_floor, floor.sqlite_floor),
            bars=(1, 0.6, 5),
        )
        yield from of_database(
            "PostgreSQL",
            server.new_database,
            floors=(floor.postgres_floor, floor.postgres_batch_floor),
            bars=(1, 0.6, 8),
        )
        yield eight_writers(server)


def of_database(
    name: str,
    databases: Databases,
    floors: tuple[Floor, Floor],
    bars: tuple[float, float, float],
) -> Iterator[Figure]:
    """Measure all ways in turn, several times, and yield how they compare."""
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        single, written = ours(databases())
        many, batch = ours_in_bulk(databases())
        once = {
            "sign-in": single,
            "bulk": many,
            "stock command": stock_command(databases()),
            "floor": timed(floors[0], registered(databases(), COMMANDS), written) / COMMANDS,
            "batch floor": timed(floors[1], registered(databases(), BATCH), [batch]) / BATCH,
        }
        for way, seconds in once.items():
            times.setdefault(way, []).append(seconds)
    for one, other, bar in (
        ("sign-in", "stock command", bars[0]),
        ("sign-in", "floor", bars[1]),
        ("bulk", "sign-in", bars[2]),
        ("bulk", "batch floor", 0.25),
    ):
        yield Figure(f"{name}: {one} / {other}", *compared(times[one], times[other]), bar)


def timed(
    work: Callable[[str, list[floor.Written]], None], url: str, rows: list[floor.Written]
) -> float:
    """Return the seconds that a call takes."""
    start = perf_counter()
    work(url, rows)
    return perf_counter() - start


def devices(people: Personalization, count: int) -> list[str]:
    """Register devices that belong to nobody."""
    names = [f"device-{n}" for n in range(count)]
    bulk(people, [registration(name) for name in names])
    return names


def identities(count: int) -> list[Identity]:
    return [Identity(external_id=f"p{n}", emails=[f"p{n}@x.com"]) for n in range(count)]


def registered(url: str, count: int) -> str:
    """Return the URL of a database in which devices are registered."""
    with SqlStore(url) as store:
        devices(Personalization(store), count)
    return url


def ours(url: str) -> tuple[float, list[floor.Written]]:
    """Return the seconds of one command, and the rows that each wrote."""
    with SqlStore(url) as store:
        people = Personalization(store)
        asked = list(zip(devices(people, COMMANDS), identities(COMMANDS), strict=True))
        before = floor.last_rows(url)
        start = perf_counter()
        answers = [people.personalize(d, i, tags={"vip", "beta"}) for d, i in asked]
        seconds = (perf_counter() - start) / COMMANDS
    return seconds, floor.rows_of(url, [command_of(answer) for answer in answers], before)


def ours_in_bulk(url: str) -> tuple[float, floor.Written]:
    """Return the seconds of one command among many, and the rows that they wrote together."""
    with SqlStore(url) as store:
        people = Personalization(store)
        asked = zip(devices(people, BATCH), identities(BATCH), strict=True)
        calls = [sign_in(device, identity) for device, identity in asked]
        before = floor.last_rows(url)
        start = perf_counter()
        answers = bulk(people, calls)
        seconds = (perf_counter() - start) / BATCH
    commands = [command_of(answer) for answer in answers if isinstance(answer, Personalized)]
    together = floor.Written()
    for written in floor.rows_of(url, commands, before):
        together += written
    return seconds, together


def registration(device: str) -> Call:
    return lambda people: people.register("shop", installation=device)


def sign_in(device: str, identity: Identity) -> Call:
    return lambda people: people.personalize(device, identity, tags={"vip", "beta"})


def command_of(answer: Personalized) -> floor.Command:
    return floor.Command(answer.position, answer.installation, answer.person)


def stock_command(url: str) -> float:
    """Return the seconds of loading two aggregates and saving an event of each."""
    stock = StockService(stock_environment(url))
    pairs = [(stock.register(n), stock.create(n)) for n in range(COMMANDS)]
    start = perf_counter()
    for installation, person in pairs:
        stock.personalize(installation, person)
    seconds = (perf_counter() - start) / COMMANDS
    stock.close()
    return seconds


def eight_writers(server: Postgres) -> Figure:
    """Compare eight processes that write at once."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        times[0].append(our_writers(server.new_database()))
        times[1].append(stock_writers(stock_environment(server.new_database())))
    return Figure("PostgreSQL: 8 writers / 8 stock", *compared(*times), 1)
