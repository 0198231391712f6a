"""The same work on stores of ten times as many installations each.

Each store's ledger is written, and its read models are rebuilt from that; then each kind of work
is done and timed. A figure compares the largest store with the smallest, so a ratio of 1 is a cost
that does not grow.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from statistics import median
from time import perf_counter

from rich.progress import track

from addressee.adapters.cli.garbage_collection import collected_seldom
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Identity, Personalization, Targeting
from addressee.domain.audiences import expression as a
from tests.benchmarks.reading.population import APPLICATION, KEY
from tests.benchmarks.report import Figure
from tests.benchmarks.scaling import town

SMALLEST = 10_000
SIGN_INS = 200
LATER = 1_000
"""How many sign-outs there have been since the moment of the past."""
ROUNDS = 5
FOUR = a.tag("huge") & a.primary & ~(a.tag("t20") | a.os("ios"))
Costs = Mapping[str, float]
"""Kind of work → seconds."""
Measured = Mapping[int, Costs]
"""Number of installations → costs."""


def figures(largest: int, chart: Callable[[Measured], object] | None = None) -> Iterator[Figure]:
    """Measure stores of 10,000 installations and ten times as many, up to the largest.

    Args:
        largest: the most installations.
        chart: takes what was measured, after each size, if anybody wants a chart.
    """
    sizes = [SMALLEST]
    while sizes[-1] < largest:
        sizes.append(min(sizes[-1] * 10, largest))
    measured: dict[int, Costs] = {}
    for size in track(sizes, "scale", transient=True):
        measured[size] = costs(size)
        if chart is not None:
            chart(measured)
    least, most = measured[sizes[0]], measured[sizes[-1]]
    for name, seconds in most.items():
        yield Figure(f"{name}, {sizes[-1]:,}", seconds, least[name], None)


def costs(installations: int, clock: Callable[[], float] = perf_counter) -> Costs:
    """Return what each kind of work costs with so many installations.

    Args:
        installations: how many.
        clock: the seconds that count, of the wall or of the processor.
    """
    each = partial(median_of, clock=clock)
    with (
        tempfile.TemporaryDirectory(prefix="scale") as folder,
        collected_seldom(),
        SqlStore(f"sqlite:///{folder}/scale.db", identifier_key=KEY) as store,
    ):
        town.fill(store, installations)
        start = clock()
        Rebuild(store).run()
        rebuild = (clock() - start) / installations
        people, reach = Personalization(store), Targeting(store)
        devices = [people.register(APPLICATION, os="ios").installation for _ in range(SIGN_INS)]
        sign_in = each(
            SIGN_INS,
            lambda n: people.personalize(
                devices[n], Identity(external_id=f"new{n}"), tags={"huge", "seg-1"}
            ),
        )
        step = installations // LATER
        before = store.last()
        lookup = each(LATER, lambda n: [*reach.targets(APPLICATION, a.external_id(f"p{n * step}"))])
        count = each(20, lambda _: reach.count(APPLICATION, FOUR))
        page = each(20, lambda _: reach.preview(APPLICATION, FOUR, 500))
        for number in range(LATER):
            people.depersonalize(f"d{number * step}")
        past = each(ROUNDS, lambda _: reach.as_of(before).count(APPLICATION, a.tag("t5")))
    return {
        "sign-in": sign_in,
        "lookup of a person": lookup,
        "count of 4 terms": count,
        "first 500 ids": page,
        "as of, count of a tag": past,
        "rebuild, each installation": rebuild,
    }


def median_of(times: int, work: Callable[[int], object], clock: Callable[[], float]) -> float:
    """Return the median seconds of some work, after it was done once to warm up."""
    spent: list[float] = []
    for number in range(times):
        start = clock()
        work(number)
        spent.append(clock() - start)
    return median(spent[1:])
