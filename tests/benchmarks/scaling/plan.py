"""What sizes would take that no machine here has: a simulation, not a measurement.

Each cost is measured on one core with as many installations as there is time for, and multiplied
by what is assumed of devices and persons. What reads the ledger or the index is taken to grow with
them in proportion; what an index finds (a sign-in, a lookup) to stay as it is, which `scale` shows
for the sizes that it measures. Nothing is added for caches that no longer fit, for networks between
machines, or for cores that wait for each other.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import process_time

from addressee.adapters.ledger_files import opened_days
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Identity, Personalization, Targeting, export_facts
from tests.benchmarks.reading.population import APPLICATION, KEY
from tests.benchmarks.report import Figure
from tests.benchmarks.scaling import scale, town
from tests.benchmarks.sending import dispatch

SIZES = (10**6, 10**7, 10**8, 10**9)
DAY = 86_400
BEGIN, END = "<!-- plan -->\n", "<!-- end of plan -->\n"
"""Between them, a page has the tables."""
AGAIN = 500
"""How many persons sign out and in again, to measure what that adds to the ledger."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed of devices and persons.

    Attributes:
        days_between_sign_ins: of one device; each is a sign-out and a sign-in.
        lookups_a_day: queries for one person or device, for each device.
        peak: how many times the average the busiest hour has.
        hours_of_push: within which a push to everybody has left.
        years: how old the ledger is.
    """

    days_between_sign_ins: int = 60
    lookups_a_day: int = 2
    peak: int = 3
    hours_of_push: int = 1
    years: int = 3


ASSUMED = Assumed()
Measured = Mapping[str, float]
"""What was measured: kind of work → seconds, bytes or a number."""


def figures(installations: int, folder: Path | None) -> Iterator[Figure]:
    """Measure; write the measurements and the tables of the page, if a folder is given."""
    measured = measure(installations)
    if folder is not None:
        page = folder / "operating-at-scale.md"
        kept = json.dumps(measured, indent=2) + "\n"
        page.with_suffix(".json").write_text(kept, encoding="utf-8")
        page.write_text(with_tables(page.read_text("utf-8"), measured), encoding="utf-8")
    print(tables(measured))
    for name, cost in measured.items():
        if name.startswith("seconds"):
            yield Figure(name, cost, cost, None)


def measure(installations: int) -> Measured:
    """Return what so many installations cost on SQLite; seconds are those of one core alone."""
    costs = scale.costs(installations, process_time)
    return {
        "installations": installations,
        **storage(installations),
        "seconds of a sign-in": costs["sign-in"],
        "seconds of a lookup": costs["lookup of a person"],
        "seconds of a count of 4 terms": costs["count of 4 terms"],
        "seconds of a rebuild, each installation": costs["rebuild, each installation"],
        "seconds of a push": push(installations),
    }


def push(installations: int) -> float:
    """Return the seconds of a push, beside those of the service that takes it."""
    with (
        tempfile.TemporaryDirectory(prefix="plan") as folder,
        SqlStore(f"sqlite:///{folder}/plan.db", identifier_key=KEY) as store,
    ):
        dispatch.fill(store, installations)
        reached = Targeting(store).count(APPLICATION, "all")
        start = process_time()
        dispatch.dispatch(store, "all")
        return (process_time() - start) / reached


def storage(installations: int) -> Measured:
    """Return bytes and events of a store, and what an export of its facts by day takes."""
    with (
        tempfile.TemporaryDirectory(prefix="plan") as folder,
        SqlStore(f"sqlite:///{folder}/plan.db", identifier_key=KEY) as store,
    ):
        town.fill(store, installations)
        Rebuild(store).run()
        events, size = store.last(), used(store)
        start = process_time()
        export_facts(store, partial(opened_days, Path(folder) / "facts"))
        seconds = process_time() - start
        people = Personalization(store)
        for number in range(AGAIN):
            people.depersonalize(f"d{number}")
            people.personalize(f"d{number}", Identity(external_id=f"p{number}"))
        store.compact()
        later, grown = store.last() - events, used(store) - size
    return {
        "bytes of the database, each installation": size / installations,
        "events, each installation": events / installations,
        "events of a sign-out and a sign-in": later / AGAIN,
        "bytes of a sign-out and a sign-in": grown / AGAIN,
        "seconds of the export by day, each event": seconds / events,
    }


def used(store: SqlStore) -> int:
    """Return how many bytes of the database's file are in use."""
    with closing(store.database.engine.raw_connection()) as connection:
        ask = connection.cursor()
        free, pages, size = (
            int(ask.execute(f"pragma {name}").fetchone()[0])
            for name in ("freelist_count", "page_count", "page_size")
        )
    return (pages - free) * size


def simulated(measured: Measured, assumed: Assumed = ASSUMED) -> dict[str, list[float]]:
    """Return what each of `SIZES` would take: a name with its unit → numbers."""
    days = 365 * assumed.years
    again = days / assumed.days_between_sign_ins
    events = measured["events, each installation"]
    later = measured["events of a sign-out and a sign-in"]
    grown = events + again * later
    stored = measured["bytes of the database, each installation"]
    stored += again * measured["bytes of a sign-out and a sign-in"]
    sign_ins = assumed.peak / (assumed.days_between_sign_ins * DAY)
    lookups = assumed.peak * assumed.lookups_a_day / DAY
    rebuild = measured["seconds of a rebuild, each installation"] / events
    export = measured["seconds of the export by day, each event"]
    push = measured["seconds of a push"]
    each = {
        "events of the ledger, millions": grown / 1e6,
        "database, GB": stored / 1e9,
        "sign-ins a second in the busiest hour": sign_ins,
        "cores for them, and as many sign-outs": 2 * sign_ins * measured["seconds of a sign-in"],
        "lookups a second in the busiest hour": lookups,
        "cores for them": lookups * measured["seconds of a lookup"],
        "count of 4 terms, postings in memory, seconds": measured["seconds of a count of 4 terms"]
        / measured["installations"],
        "rebuild on one core, hours": rebuild * grown / 3_600,
        "push to everybody by one worker, hours": push / 3_600,
        "workers to do it in time": push / (3_600 * assumed.hours_of_push),
        "first export by day on one core, hours": export * grown / 3_600,
        "the next day's, minutes": export * later / assumed.days_between_sign_ins / 60,
    }
    return {name: [size * value for size in SIZES] for name, value in each.items()}


def tables(measured: Measured, assumed: Assumed = ASSUMED) -> str:
    """Return what was measured, what is assumed and what follows, in Markdown."""
    number = f"{measured['installations']:,.0f}"
    head = ["what it takes", *(f"{size:,}" for size in SIZES)]
    follows = [[name, *map(shown, values)] for name, values in simulated(measured, assumed).items()]
    taken = [
        [name, shown(value * 1e6 if "seconds" in name else value)]
        for name, value in measured.items()
        if name != "installations"
    ]
    return "\n".join(
        (
            said(assumed),
            table(head, follows),
            f"Measured with {number} installations on SQLite, times of one core:\n",
            table(["", "measured"], [[n.replace("seconds", "µs"), v] for n, v in taken]),
        )
    )


def said(assumed: Assumed) -> str:
    """Return what is assumed as a paragraph."""
    return (
        f"Assumed: each device signs out and in again every {assumed.days_between_sign_ins} days"
        f" and is looked up {assumed.lookups_a_day} times a day; the busiest hour has"
        f" {assumed.peak} times the average; a push to everybody leaves within"
        f" {assumed.hours_of_push} hour; the ledger is {assumed.years} years old.\n"
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(value: float) -> str:
    """Return a number with two digits that count."""
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def with_tables(page: str, measured: Measured) -> str:
    """Return a page with the tables between its marks; raises ValueError where it has none."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(BEGIN)
    return before + BEGIN + tables(measured) + mark + after
