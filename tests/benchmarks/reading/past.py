"""Audiences as of a past moment beside a fold of the ledger.

The ledger is written once, by sign-ins like those of a service; then a share of the installations
changes. Where a limit is promised instead of a ratio, it stands in the place of the other side.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from shutil import copyfile
from statistics import median
from time import perf_counter

from rich.progress import track
from sqlalchemy import Connection

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.index_history.remembered_states import Flipped, Marks
from addressee.application import Call, Identity, Moment, Past, Personalization, Targeting, bulk
from addressee.domain.audiences import expression as a
from tests.benchmarks.reading.population import APPLICATION, KEY
from tests.benchmarks.report import ROUNDS, Figure, paired

BATCH = 2_000
ASKED = 200
COUNTED = 5
TERMS = a.tag("t1") & a.os("ios") & a.person_type("customer") & ~a.tag("t2")


def figures(installations: int, kept: Path | None = None) -> Iterator[Figure]:
    """Measure a store on SQLite.

    Args:
        installations: how many it has.
        kept: a folder where the store of the sign-ins is filled and stays, or is found filled.
    """
    with filled(installations, kept) as store:
        people = Personalization(store)
        position = store.last()
        time = time_of(store, position)
        done(people, (changed(n) for n in range(0, installations, 100)))
        folded = seconds(lambda: Past(store, position), 1)
        past = Targeting(store).as_of(position)
        numbers = iter(range(installations // 3, installations))
        lookup = seconds(lambda: past.count(APPLICATION, a.external_id(f"p{next(numbers)}")), ASKED)
        yield Figure("as of, an identifier, of 5 ms", lookup, 5e-3, 1)
        yield Figure("as of, an identifier, beside folding", lookup, folded, 100)
        count = counted(store, position)
        yield Figure("as of, count of 4 terms, of 100 ms", count, 0.1, 1)
        yield Figure("as of, count of 4 terms, beside folding", count, folded, 100)
        store.compact()
        yield Figure("as of a time, count of 4 terms, of 100 ms", counted(store, time), 0.1, 1)
        done(people, (changed(n) for n in range(installations)))
        count = counted(store, position)
        yield Figure("as of, everything changed since, of 3 s", count, 3, 1)
        count = counted(store, position // 2)
        yield Figure("as of the middle of the sign-ins, of 3 s", count, 3, 1)
        yield Figure("what the index was, of 25 % of the ledger", *sizes(store), 1)
    yield Figure(
        "sign-in beside one that keeps no states, of 105 %", *commands(installations // 20), 1
    )


@contextmanager
def filled(installations: int, kept: Path | None) -> Generator[SqlStore]:
    """Open a store in which all have signed in; changes of it don't stay."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "past.db")
        there = kept and kept / f"past-{installations}.db"
        if there and there.exists():
            copyfile(there, file)
        else:
            with opened(file) as store:
                calls = track(range(2 * installations), "sign-ins", transient=True)
                done(Personalization(store), map(signed_in, calls))
            if there:
                copyfile(file, there.with_suffix(".unfinished")).rename(there)
        with opened(file) as store:
            yield store


def opened(file: Path) -> SqlStore:
    """Return the store in a file."""
    return SqlStore(f"sqlite:///{file}", identifier_key=KEY)


def counted(store: SqlStore, moment: Moment) -> float:
    """Return how long a count as of a moment takes, by an object that has not read anything."""
    return seconds(lambda: Targeting(store).as_of(moment).count(APPLICATION, TERMS), COUNTED)


def time_of(store: SqlStore, position: int) -> datetime:
    """Return when an event was recorded."""
    with store.reading() as view:
        [(_, event)] = view.events(position - 1, 1)
    return event.timestamp


def sizes(store: SqlStore) -> tuple[float, float]:
    """Return the bytes of what the index was, and a quarter of those of the ledger."""
    schema = store.parts.prepared.schema
    tables = (schema.index_mark, schema.posting_change, schema.time_span), (schema.event,)
    sizes: list[float] = []
    with store.database.reading() as connection:
        for group in tables:
            names = [*(table.name for table in group)]
            names += [f"sqlite_autoindex_{name}_1" for name in names]
            names += [str(index.name) for table in group for index in table.indexes]
            listed = ", ".join(f"'{name}'" for name in names)
            # A page holds the rows of one table or index.
            pages = f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({listed})"
            sizes.append(float(connection.exec_driver_sql(pages).scalar_one()))
    return sizes[0], sizes[1] / 4


def commands(installations: int) -> tuple[float, float]:
    """Return how long a sign-in takes, and 105 % of one whose compaction keeps no states."""
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(folder, "ours.db")) as ours,
        opened(Path(folder, "other.db")) as other,
    ):
        other.parts.prepared.index.marks = Forgetful(other.parts.prepared.schema)
        batches = {store: iter(range(2 * installations)) for store in (ours, other)}

        def work(store: SqlStore) -> Callable[[], int]:
            people, length = Personalization(store), 2 * installations // (ROUNDS + 1)

            def some() -> int:
                for number in islice(batches[store], length):
                    signed_in(number)(people)
                return length

            return some

        one, two = paired(work(ours), work(other))
    return one, two * 1.05


class Forgetful(Marks):
    """Keeps no states."""

    def write(self, connection: Connection, flipped: Iterable[Flipped]) -> None:
        """Do nothing."""


def done(people: Personalization, calls: Iterator[Call]) -> None:
    """Give commands in batches."""
    batch: list[Call] = []
    for call in calls:
        batch.append(call)
        if len(batch) == BATCH:
            bulk(people, batch)
            batch = []
    bulk(people, batch)


def signed_in(number: int) -> Call:
    """Return the command that registers an installation, or that signs its person in."""
    installation, person = f"d{number // 2}", f"p{number // 2}"
    if number % 2 == 0:
        os = "ios" if number % 3 else "android"
        return lambda people: people.register(APPLICATION, installation=installation, os=os)
    tags = {"t1", f"t{number % 7}"}
    return lambda people: people.personalize(
        installation, Identity(external_id=person), tags=tags, set_primary=True
    )


def changed(number: int) -> Call:
    """Return a command that changes what an audience finds."""
    return lambda people: people.depersonalize(f"d{number}")


def seconds(work: Callable[[], object], times: int) -> float:
    """Return the median time of a call, of which each is given once."""
    spent: list[float] = []
    for _ in range(times):
        start = perf_counter()
        work()
        spent.append(perf_counter() - start)
    return median(spent)
