"""A ledger is read from its start: into memory, and into the tables of a database.

The floor reads the same rows with the bare driver and decodes their JSON; for tables, it writes in
the end the rows that they hold in the end. The stock side reads events of its own, as many and with
as many fields, and folds nothing; into tables, it updates one row an event, as its documentation
shows. What takes a database's time as well as ours is timed by the clock, in turn.

The collector of cyclic garbage looks seldom, as it does for the command line's own rebuild.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import psycopg
from eventsourcing.application import LocalNotificationLog

from addressee.adapters.cli.garbage_collection import collected_seldom
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Past
from tests.benchmarks.replaying import lives
from tests.benchmarks.replaying.projector import projected, told
from tests.benchmarks.report import Figure, paired
from tests.benchmarks.writing import floor
from tests.benchmarks.writing.stock import StockService, stock_environment
from tests.memory import printed
from tests.servers import postgres_server

EVENTS = 100_000
STOCK_EVENTS = 20_000
PROJECTED = 2_000
ROUNDS = 3
PAGE = 1_000
MEMORY = 250
ROWS = (
    "select position, stream, version, topic, state from addressee_event"
    " where position > {} order by position limit 5000"
)


def figures(events: int) -> Iterator[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(collected_seldom())
        yield from into_memory(folder)
        with postgres_server(durable=True) as server:
            yield from into_tables(server.new_database)
        yield memory(folder / "many.db", events)


def into_memory(folder: Path) -> Iterator[Figure]:
    """The past of a whole ledger."""
    path = folder / "ours.db"
    last = lives.filled(f"sqlite:///{path}", EVENTS)
    stock = StockService(stock_environment(f"sqlite:///{folder}/stock.db"))
    told(stock, STOCK_EVENTS)
    with SqlStore(f"sqlite:///{path}") as store:

        def ours() -> int:
            return len([*Past(store, last).rows()]) and last

        def decoded() -> int:
            with closing(sqlite3.connect(path)) as plain:
                return decode(lambda after: plain.execute(ROWS.format("?"), (after,)).fetchall())

        def mapped(size: int) -> int:
            log, done = LocalNotificationLog(stock.recorder, size), 0
            while page := log.select(done + 1, size):
                for notification in page:
                    stock.mapper.to_domain_event(notification)
                done = page[-1].id
            return done

        yield Figure("into memory / read and decode", *paired(ours, decoded), 0.5)
        for size in (LocalNotificationLog.DEFAULT_SECTION_SIZE, PAGE):
            name = f"into memory / stock log by {size:,} and mapper"
            yield Figure(name, *paired(ours, partial(mapped, size)), 4)


def decode(read: Callable[[int], list[tuple[int, str, int, str, bytes]]]) -> int:
    """Read and decode all rows; return how many."""
    after = done = 0
    while rows := read(after):
        for row in rows:
            json.loads(row[4])
        after = rows[-1][0]
        done += len(rows)
    return done


def into_tables(databases: Callable[[], str]) -> Iterator[Figure]:
    """All read models on PostgreSQL."""
    url, stock = databases(), stock_environment(databases())
    last = lives.filled(url, EVENTS)
    with StockService(stock) as service:
        told(service, PROJECTED)
    times: dict[str, list[float]] = {"ours": [], "stock": [], "floor": []}
    with SqlStore(url) as store:
        for round_ in range(ROUNDS):
            start = perf_counter()
            Rebuild(store).run()
            times["ours"].append((perf_counter() - start) / last)
            start = perf_counter()
            copied(url)
            times["floor"].append((perf_counter() - start) / last)
            times["stock"].append(projected(stock, PROJECTED, f"round{round_}"))
    spent = {way: median(seconds) for way, seconds in times.items()}
    yield Figure("rebuild / stock ProjectionRunner", spent["ours"], spent["stock"], 30)
    yield Figure("rebuild, 40,000 events/s", spent["ours"], 1 / 40_000, 1)
    yield Figure("rebuild / read, decode, copy", spent["ours"], spent["floor"], None)


def copied(url: str) -> None:
    """Read and decode all events, and write what the read models hold into tables like theirs."""
    with psycopg.connect(floor.conninfo(url)) as raw, raw.cursor() as cursor:
        decode(lambda after: cursor.execute(ROWS.format("%s"), (after,)).fetchall())
        for name in ("installation", "holder", "chunk"):
            rows = cursor.execute(f"select * from addressee_{name}").fetchall()
            cursor.execute(f"create table floor_{name} (like addressee_{name} including all)")
            floor.copy(cursor, f"floor_{name}", rows)
        for name in ("installation", "holder", "chunk"):
            cursor.execute(f"drop table floor_{name}")


REBUILD = """
import sys
from addressee.adapters.cli.garbage_collection import collected_seldom
from addressee.adapters.sql import Rebuild, SqlStore
with SqlStore(sys.argv[1]) as store, collected_seldom():
    before = peak()
    Rebuild(store).run()
print(peak() - before)
"""


def memory(path: Path, events: int) -> Figure:
    """How much a process grows while it rebuilds a ledger, and does nothing else."""
    lives.filled(f"sqlite:///{path}", events)
    grown = printed(REBUILD, f"sqlite:///{path}") / 1024
    return Figure(f"MB for {events:,} events, of {MEMORY}", grown * 1e-6, MEMORY * 1e-6, 1)
