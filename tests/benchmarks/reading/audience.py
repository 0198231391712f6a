"""Audiences over a million installations and more, beside what they could cost at least.

The floor of a count is the same algebra on bitmaps that are in memory already; the other side is
the table that one would write by hand, a row for each term of each installation. Expressions are
given as objects, for the floor reads no text either. Where a limit is promised instead of a ratio,
the limit stands in the place of the other side.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from time import process_time
from unittest.mock import patch

from pyroaring import BitMap
from rich.progress import track

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.audience_index.generation_cache import GenerationCache
from addressee.adapters.sql.unit_of_work.transaction import SqlTransaction
from addressee.application import Identity, Personalization, Targeting
from addressee.domain.audiences import expression as a
from tests.benchmarks.reading.population import APPLICATION, KEY, Population, claim_id
from tests.benchmarks.report import Figure, paired
from tests.memory import printed

FOUR = a.tag("huge") & a.primary & ~(a.tag("t20") | a.os("ios"))
FIVE = a.tag("huge") & a.primary & a.language("en") & ~(a.tag("t20") | a.os("ios"))
TERMS = ("reachable", "tag:huge", "primary", "tag:t20", "os:ios", "language:en")
PERSONS = 500
LIVE = 400
SINCE = 2_000
"""Live registrations, of four terms each, since the index was compacted."""


def figures(installations: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audience.db"
        with SqlStore(f"sqlite:///{path}", identifier_key=KEY) as store:
            yield from loading(store, path, installations)
            bitmaps = in_memory(store)
            with closing(sqlite3.connect(path, isolation_level=None)) as plain:
                yield from counts(store, plain, bitmaps)
                yield external_id(store, plain, installations)
            yield first_page(store)
            yield streaming(store, "tag:huge")
            yield streaming(store, "all")
            yield from after_live_changes(store)
        yield memory(path)
        yield live_share(Path(folder))


def loading(store: SqlStore, path: Path, installations: int) -> Iterator[Figure]:
    """Keeping the index in batches as a rebuild does, and what it takes on the disk."""
    spent, postings = 0.0, 0
    pages = Population(installations).changes()
    with store.loading() as load:
        for changes in track(pages, "loading", installations // 10_000, transient=True):
            start = process_time()
            load.load(changes)
            spent += process_time() - start
            postings += sum(len(change.gained) for change in changes.installations)
        start = process_time()
        load.finish()
        spent += process_time() - start
    yield Figure("registrations kept by a rebuild, 10,000/s", spent / installations, 1e-4, 1)
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("pragma wal_checkpoint(truncate)")
    bytes_each = path.stat().st_size / postings
    yield Figure("bytes a posting, of 40", bytes_each * 1e-6, 40e-6, 1)


def in_memory(store: SqlStore) -> Mapping[str, BitMap]:
    with store.reading() as reader:
        last = max(reader.shards(APPLICATION, {"all"})["all"])
        return reader.postings(APPLICATION, set(TERMS), range(last + 1))


def counts(
    store: SqlStore, plain: sqlite3.Connection, bitmaps: Mapping[str, BitMap]
) -> Iterator[Figure]:
    reach = Targeting(store)
    reachable, huge, primary, t20, ios, english = (bitmaps[term] for term in TERMS)

    def floor_of_four() -> int:
        return len((huge & primary & reachable) - (t20 | ios))

    def floor_of_five() -> int:
        return len((huge & primary & english & reachable) - (t20 | ios))

    for name, audience, floor in (("4", FOUR, floor_of_four), ("5", FIVE, floor_of_five)):

        def warm(audience: a.Expression = audience) -> int:
            return reach.count(APPLICATION, audience)

        def cold(audience: a.Expression = audience) -> int:
            store.parts.prepared.index.cache = GenerationCache(0)
            return reach.count(APPLICATION, audience)

        assert warm() == floor()
        yield Figure(f"count of {name} terms, warm chunks", *each(warm, floor, 200), bar=1 / 3)
        kept = store.parts.prepared.index.cache
        yield Figure(f"count of {name} terms, cold chunks", *each(cold, floor, 20), bar=1 / 8)
        store.parts.prepared.index.cache = kept
    make_join_table(plain, bitmaps)
    assert reach.count(APPLICATION, FOUR) == joined(plain) == floor_of_four()
    ours, _ = each(lambda: reach.count(APPLICATION, FOUR), floor_of_four, 100)
    start = process_time()
    joined(plain)
    yield Figure("count of 4 terms, beside a join table", ours, process_time() - start, 300)
    plain.execute("drop table posting")


def each(
    ours: Callable[[], object], other: Callable[[], object], times: int
) -> tuple[float, float]:
    """Return the median CPU seconds of one call of both."""

    def repeated(call: Callable[[], object]) -> Callable[[], int]:
        def work() -> int:
            for _ in range(times):
                call()
            return times

        return work

    return paired(repeated(ours), repeated(other))


def make_join_table(plain: sqlite3.Connection, bitmaps: Mapping[str, BitMap]) -> None:
    """Write what one would write by hand: a row for each term of each installation."""
    plain.execute(
        "create table posting (term integer, ordinal integer, primary key (term, ordinal))"
        " without rowid"
    )
    plain.execute("begin")
    for number, term in enumerate(TERMS):
        plain.executemany("insert into posting values (?, ?)", ((number, o) for o in bitmaps[term]))
    plain.execute("commit")
    plain.execute("analyze posting")


def joined(plain: sqlite3.Connection) -> int:
    has = "exists (select 1 from posting q where q.term = {} and q.ordinal = p.ordinal)".format
    wanted = f"{has(2)} and {has(0)} and not {has(3)} and not {has(4)}"
    question = f"select count(*) from posting p where p.term = 1 and {wanted}"  # ours
    return int(plain.execute(question).fetchone()[0])


def external_id(store: SqlStore, plain: sqlite3.Connection, installations: int) -> Figure:
    reach = Targeting(store)
    people = range(1, min(PERSONS, installations // 4))

    def ours() -> int:
        for n in people:
            list(reach.targets(APPLICATION, a.external_id(f"p{n}"), include_disabled=True))
        return len(people)

    def other() -> int:
        for n in people:
            plain.execute("begin")
            plain.execute(
                "select i.id from addressee_holder h join addressee_installation i"
                " on i.person = h.person where h.claim = ? and i.application = ?",
                (claim_id(n), APPLICATION),
            ).fetchall()
            plain.execute("commit")
        return len(people)

    return Figure("lookup by external id, beside a select", *paired(ours, other), bar=0.5)


def first_page(store: SqlStore) -> Figure:
    reach = Targeting(store)
    ours, _ = each(lambda: reach.preview(APPLICATION, FOUR, 500), lambda: None, 20)
    return Figure("first 500 ids, of 3 ms", ours, 3e-3, 1)


def streaming(store: SqlStore, audience: str) -> Figure:
    start = process_time()
    ids = sum(1 for _ in Targeting(store).targets(APPLICATION, audience))
    return Figure(
        f"ids of {audience} streamed, 1,000,000/s", (process_time() - start) / ids, 1e-6, 1
    )


def after_live_changes(store: SqlStore) -> Iterator[Figure]:
    """Half of what the delta may hold, kept from question to question, or read for each anew."""
    reach, people = Targeting(store), Personalization(store)
    for _ in range(SINCE):
        people.register(APPLICATION, os="ios", language="en")
    someone = a.external_id("p1")
    for name, ask in (
        ("count of 4 terms", lambda: reach.count(APPLICATION, FOUR)),
        ("lookup by external id", lambda: list(reach.targets(APPLICATION, someone))),
    ):

        def anew(ask: Callable[[], object] = ask) -> object:
            store.parts.prepared.index.cache.newest.deltas.clear()
            return ask()

        yield Figure(f"{name} after live changes, beside reading all", *each(ask, anew, 20), bar=1)


STREAM = """
import sys
from addressee.adapters.sql import SqlStore
from addressee.application import Targeting
with SqlStore(sys.argv[1]) as store:
    for _ in Targeting(store).targets(sys.argv[2], "all"):
        pass
print(peak())
"""


def memory(path: Path) -> Figure:
    """Peak memory of a process that streams all ids and does nothing else."""
    needed = printed(STREAM, f"sqlite:///{path}", APPLICATION) / 1024
    return Figure("MB of memory to stream all, of 200", needed * 1e-6, 200e-6, 1)


def live_share(folder: Path) -> Figure:
    """A live command, beside the same without identifier, owner and delta rows."""
    with (
        SqlStore(f"sqlite:///{folder}/with.db") as with_index,
        SqlStore(f"sqlite:///{folder}/without.db") as without,
    ):
        rounds = iter(range(1000))

        def ours(store: SqlStore = with_index) -> int:
            people, round_ = Personalization(store), next(rounds)
            for n in range(LIVE):
                name = f"{round_}-{n}"
                people.register(APPLICATION, installation=name, os="ios", language="en")
                people.personalize(name, Identity(external_id=name), tags={"a", "b", "c", "d", "e"})
            return 2 * LIVE

        def other() -> int:
            with patch.object(SqlTransaction, "_writes", return_value=[]):
                return ours(without)

        return Figure("live command without its index rows", *paired(ours, other, 3), bar=0.75)
