"""Read models are rebuilt while the service works, and nobody sees them half built (R19, R37)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, select
from sqlalchemy.exc import DBAPIError

from addressee.adapters.sql import Rebuild, RebuildProgress, SqlStore
from addressee.application import Identity, Personalization, Targeting, verify
from addressee.domain import StoreUnavailable
from tests.forked import PIPE, forked
from tests.integration.rebuild.conftest import INDEXED, live
from tests.integration.rebuild.damages import wrong_owner
from tests.patience import PATIENCE, wait_until


def rows(store: SqlStore, table: Table) -> list[tuple[object, ...]]:
    with store.database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(*table.c))]


class Killed(Exception):
    """Stands for a process that is gone at this point."""


def test_R37_a_rebuild_equals_what_was_live(store: SqlStore, *, long: bool) -> None:
    """Commands go on meanwhile; it is stopped at random, and goes on."""

    @settings(
        max_examples=60 if long else 1,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.integers(0, 2**32))
    def lives(seed: int) -> None:
        rebuild_amid(store, seed)

    lives()


def rebuild_amid(store: SqlStore, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 # likewise
    lives = [live(store, seed * 1000)]
    stop = Event()

    def go_on() -> None:
        for n in range(1, 100):
            if stop.is_set():
                return
            lives.append(live(store, seed * 1000 + n, 20))

    thread = Thread(target=go_on)
    thread.start()
    while True:
        left = chance.randrange(1, 8)

        def told(_: RebuildProgress) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        try:
            Rebuild(store, page=chance.randrange(5, 40), lease=0).run(told)
        except Killed:
            if chance.random() < 0.3:
                stop.set()
        else:
            break
    stop.set()
    thread.join()
    assert verify(store).differences == ()
    reach = Targeting(store)
    for life in lives:
        for _ in range(5):
            audience = life.audience()
            found = list(reach.targets(life.application, audience))
            assert found == life.world.found(audience, disabled=False)
    live(store, seed * 1000 + 999)
    assert verify(store).differences == ()


def test_ordinals_are_as_before(store: SqlStore) -> None:
    live(store, 1, 100)
    before = rows(store, store.parts.prepared.schema.installation)
    Rebuild(store, page=10).run()
    assert rows(store, store.parts.prepared.schema.installation) == before


def test_one_rebuild_at_a_time(store: SqlStore) -> None:
    live(store, 1)

    def told(progress: RebuildProgress) -> None:
        if progress.position < progress.last:
            with pytest.raises(StoreUnavailable, match=held):
                Rebuild(store).run()
            raise Killed

    first = Rebuild(store, page=50)
    held = f"held by {first._lease.holder} until 20..-..-..T..:..:..Z"
    with pytest.raises(Killed):
        first.run(told)
    assert Rebuild(store).run() == store.last(), "a run that stops frees the lease"


def test_R37_a_rebuild_is_taken_over_from_one_whose_clock_was_wrong(store: SqlStore) -> None:
    live(store, 1)
    ahead = Rebuild(store, clock=lambda: datetime.now(UTC) + timedelta(hours=2))
    assert ahead._lease.take() == 0
    assert Rebuild(store).run() == store.last()


def test_R19_readers_never_see_an_index_that_is_half_built(
    store: SqlStore, url: str, *, long: bool
) -> None:
    people = Personalization(store)
    for n in range(30):
        people.register("shop", installation=f"d{n}")
        people.personalize(f"d{n}", Identity(external_id=f"p{n}"), tags={"vip"})
    stop, asked, wrong = Event(), [0], list[int]()

    def ask() -> None:
        with SqlStore(url, indexed_attributes=INDEXED) as own:
            reach = Targeting(own)
            while not stop.is_set():
                asked[0] += 1
                for audience in ("tag:vip", "type:customer and not tag:no", "external_id:p7"):
                    count = reach.count("shop", audience)
                    if count != (1 if audience == "external_id:p7" else 30):
                        wrong.append(count)

    threads = [Thread(target=ask) for _ in range(3 if long else 2)]
    for thread in threads:
        thread.start()
    for _ in range(8 if long else 1):
        Rebuild(store, page=20).run()
    wait_until(lambda: asked[0] > 8, "nine counts")
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_R19_a_view_that_is_open_is_over_before_the_swap(store: SqlStore, url: str) -> None:
    people = Personalization(store)
    for n in range(30):
        people.register("shop", installation=f"d{n}")
    with SqlStore(url, indexed_attributes=INDEXED) as own:
        with own.reading() as reader:
            reader.events(0, 1)
            taken = Event()

            def tell(done: RebuildProgress) -> None:
                if done.position == done.last:
                    taken.set()

            thread = Thread(target=Rebuild(store, page=7).run, args=(tell,))
            thread.start()
            assert taken.wait(PATIENCE), "the rebuild does not take all events"
            thread.join(0.2)
            assert len(reader.postings("shop", {"all"}, range(1))["all"]) == 30
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert Targeting(own).count("shop", "all") == 30


def test_without_the_hold_it_would_see_less_or_fail(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.database.single_writer:
        return  # a change of tables is one change of many there
    people = Personalization(store)
    for n in range(30):
        people.register("shop", installation=f"d{n}")
    monkeypatch.setattr(store, "_before_reading", "")
    with store.reading() as reader:
        reader.streams({"installation:d0": 0})  # takes its view
        Rebuild(store, page=7).run()
        try:
            seen = reader.ordinals("shop", {f"d{n}" for n in range(30)})
        except DBAPIError:
            seen = {}  # MariaDB noticed
    assert len(seen) < 30


REBUILDER = """
import sys
from addressee.adapters.sql import Rebuild, SqlStore
with SqlStore(sys.argv[1]) as store:
    Rebuild(store, page=10, lease=0).run(lambda done: print(done.position, flush=True))
print("done", flush=True)
"""


def test_R37_a_rebuild_that_is_killed_goes_on(store: SqlStore, url: str, *, long: bool) -> None:
    chance = random.Random(1)  # noqa: S311 # the same moments each time, as far as clocks go
    live(store, 1, 100 if long else 40)
    with store.database.writing() as connection:
        wrong_owner(connection, store.parts.prepared.schema)
    seen, lines = list[int](), list[str]()
    for patience in [chance.randrange(1, 8) for _ in range(8 if long else 1)] + [10_000]:
        with forked("-c", REBUILDER, url, stdout=PIPE) as process:
            assert process.stdout is not None
            lines = list(islice(process.stdout, patience))
            process.kill()
        assert lines, "it ended without a word"
        if seen and lines[0] != "done\n":
            assert int(lines[0]) >= min(seen[-1], ledger_end(store)), "it began again"
        seen += [int(line) for line in lines if line != "done\n"]
        if "done\n" in lines:
            break
    assert lines[-1] == "done\n"
    assert verify(store).differences == ()


def ledger_end(store: SqlStore) -> int:
    with store.reading() as reader:
        return reader.events(0, 100_000)[-1].position
