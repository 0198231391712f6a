"""Read models are rebuilt while the service works, and nobody sees them half built (R19, R37)."""

from __future__ import annotations

import random
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from addressee.adapters.sql import Rebuild, RebuildProgress, SqlStore
from addressee.adapters.sql.schema.tables import Schema
from addressee.application import Identity, Personalization, Targeting, bulk, verify
from addressee.domain import AddresseeError, InvalidValue, StoreUnavailable
from tests.contract.oracle import Life
from tests.forked import PIPE, forked
from tests.patience import PATIENCE, wait_until

INDEXED = ("attr.plan",)


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url, indexed_attributes=INDEXED) as store:
        yield store


def live(store: SqlStore, seed: int, steps: int = 60) -> Life:
    life = Life(random.Random(seed), f"app{seed}")  # noqa: S311 # a life that can be had again
    people = Personalization(store)
    for _ in range(steps // 10):
        answers = bulk(people, [life.step() for _ in range(10)])
        assert not [answer for answer in answers if isinstance(answer, AddresseeError)]
    return life


def rows(store: SqlStore, table: Table) -> list[tuple[object, ...]]:
    with store.database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(*table.c))]


class Killed(Exception):
    """Stands for a process that is gone at this point."""


def test_R37_a_rebuild_equals_what_was_live(store: SqlStore, *, long: bool) -> None:
    """Commands go on meanwhile; it is stopped at random, and goes on."""

    @settings(
        max_examples=60 if long else 2,
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


def first(connection: Connection, table: Table, *columns: str) -> tuple[object, ...]:
    found = connection.execute(select(*(table.c[name] for name in columns)).limit(1)).one()
    return tuple(found)


def wrong_owner(connection: Connection, schema: Schema) -> None:
    table = schema.installation
    bound = select(table.c.ordinal).where(table.c.person.is_not(None)).limit(1)
    ordinal = connection.execute(bound).scalar()
    change = update(table).where(table.c.ordinal == ordinal)
    connection.execute(change.values(person="somebody else"))


def wrong_time(connection: Connection, schema: Schema) -> None:
    table = schema.installation
    later = update(table).where(table.c.person.is_not(None))
    connection.execute(later.values(bound_at=table.c.bound_at + 1))


def lost_installation(connection: Connection, schema: Schema) -> None:
    table = schema.installation
    [ordinal] = first(connection, table, "ordinal")
    connection.execute(delete(table).where(table.c.ordinal == ordinal))


def invented_installation(connection: Connection, schema: Schema) -> None:
    connection.execute(insert(schema.installation).values(id="nobody", application="app1"))


def missing_claim(connection: Connection, schema: Schema) -> None:
    [claim] = first(connection, schema.holder, "claim")
    connection.execute(delete(schema.holder).where(schema.holder.c.claim == claim))


def wrong_bit(connection: Connection, schema: Schema) -> None:
    [term] = first(connection, schema.delta, "term")
    [ordinal] = first(connection, schema.installation, "ordinal")
    held = select(schema.delta).where(schema.delta.c.term == term)
    known = [row for row in connection.execute(held) if row.ordinal == ordinal]
    present = 1 - (known[-1].present if known else 0)
    row = {"term": term, "ordinal": ordinal, "present": present}
    connection.execute(insert(schema.delta).values(row))


def corrupt_chunk(connection: Connection, schema: Schema) -> None:
    table = schema.chunk
    connection.execute(update(table).where(table.c.term != 0).values(data=b"nonsense"))


def lost_segment(connection: Connection, schema: Schema) -> None:
    connection.execute(delete(schema.segment))


def wrong_address(connection: Connection, schema: Schema) -> None:
    connection.execute(update(schema.address).values(address=b"another token"))


def lost_addresses(connection: Connection, schema: Schema) -> None:
    connection.execute(delete(schema.address))


ADDRESSES = [wrong_address, lost_addresses]
DAMAGES = {
    "term": [wrong_bit, corrupt_chunk],  # the bit first, while the delta has all
    "installation": [
        *ADDRESSES,
        wrong_owner,
        wrong_time,
        lost_installation,
        invented_installation,
    ],
    "holder": [missing_claim],
    "segment": [lost_segment],
}


def test_R37_damage_is_named_and_mended(store: SqlStore) -> None:
    live(store, 1, 100)
    people = Personalization(store)
    people.define_segment("app1", "s9", "tag:vip")
    schema = store.parts.prepared.schema
    assert verify(store).differences == ()
    for place, damages in DAMAGES.items():
        for damage in damages:
            if damage is corrupt_chunk:
                store.compact()
            with store.database.writing() as connection:
                damage(connection, schema)
            found = verify(store).differences
            assert place in {difference.place for difference in found}, damage
            Rebuild(store, page=50).run()
            assert verify(store).differences == (), damage
            assert people.register("app1").installation
            assert verify(store).differences == (), damage


def test_R37_only_what_is_asked_for_is_rebuilt(store: SqlStore) -> None:
    live(store, 1, 100)
    with store.database.writing() as connection:
        wrong_owner(connection, store.parts.prepared.schema)
        missing_claim(connection, store.parts.prepared.schema)
    Rebuild(store, ["audiences", "segments"]).run()
    assert {d.place for d in verify(store).differences} == {"installation", "holder"}
    Rebuild(store, ["identifiers"]).run()
    assert {d.place for d in verify(store).differences} == {"installation"}
    Rebuild(store, ["installations"]).run()
    assert verify(store).differences == ()
    with store.database.writing() as connection:
        lost_addresses(connection, store.parts.prepared.schema)
    assert {d.problem for d in verify(store).differences} == {"address is not what the ledger says"}
    Rebuild(store, ["addresses"]).run()
    assert verify(store).differences == ()
    with pytest.raises(InvalidValue, match="there are: installations"):
        Rebuild(store, ["people"])


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

    threads = [Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(8 if long else 3):
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
    live(store, 1, 100)
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
