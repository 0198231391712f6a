"""Audiences as of a past moment beside a fold of the ledger.

The ledger is written once, by sign-ins like those of a service; then a share of the installations
changes. Where a limit is promised instead of a ratio, it stands in the place of the other side.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter

from addressee.adapters.sql import SqlStore
from addressee.application import Call, Identity, Past, Personalization, Targeting, bulk
from addressee.domain.audiences import expression as a
from tests.benchmarks.reading.population import APPLICATION, KEY
from tests.benchmarks.report import Figure

BATCH = 2_000
ASKED = 200
TERMS = a.tag("t1") & a.os("ios") & a.person_type("customer") & ~a.tag("t2")


def figures(installations: int) -> Iterator[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        SqlStore(f"sqlite:///{folder}/past.db", identifier_key=KEY) as store,
    ):
        people = Personalization(store)
        done(people, (signed_in(n) for n in range(2 * installations)))
        position = store.last()
        done(people, (changed(n) for n in range(0, installations, 100)))
        folded = seconds(lambda: Past(store, position), 1)
        past = Targeting(store).as_of(position)
        numbers = iter(range(installations // 3, installations))
        lookup = seconds(lambda: past.count(APPLICATION, a.external_id(f"p{next(numbers)}")), ASKED)
        yield Figure("as of, an identifier, of 5 ms", lookup, 5e-3, 1)
        yield Figure("as of, an identifier, beside folding", lookup, folded, 100)
        count = seconds(lambda: Targeting(store).as_of(position).count(APPLICATION, TERMS), 1)
        yield Figure("as of, count of 4 terms, of 100 ms", count, 0.1, 1)
        yield Figure("as of, count of 4 terms, beside folding", count, folded, 100)


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
