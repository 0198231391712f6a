"""A sealed ledger tells what of it was changed, even by whoever may change tables (R30)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import Connection, create_engine, exc, text

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.dialects import dialect_of
from addressee.application import Personalization, Seal, lost_anchors, verify
from addressee.domain import AddresseeError
from tests.integration.event_store.seals.sealing import (
    NOON,
    broken,
    change_payload,
    live,
    run,
    sealer,
    seals,
    tamper,
)


def test_seals_follow_each_other_and_end_where_the_ledger_does(store: SqlStore) -> None:
    assert store.seal() is None
    assert verify(store).sealed == 0
    live(store)
    told: list[Seal] = []
    newest = sealer(store).run(told.append)
    made = seals(store)
    assert told == [*made]
    assert made[-1] == newest == store.seal()
    assert [seal.number for seal in made] == [*range(1, len(made) + 1)]
    assert [seal.first for seal in made] == [1, *(seal.last + 1 for seal in made[:-1])]
    assert {seal.made_at for seal in made} == {NOON}
    found = verify(store)
    assert sum(seal.events for seal in made) == found.events > 14
    assert (found.sealed, found.differences) == (found.position, ())
    Personalization(store).register("shop", installation="later")
    assert verify(store).sealed == found.sealed
    again = store.seal()
    assert again is not None
    assert (again.number, again.first) == (len(made) + 1, found.position + 1)


def test_a_seal_that_the_database_refuses_is_an_error_and_not_tried_for_ever(
    store: SqlStore,
) -> None:
    live(store)
    with store.database.writing() as connection:
        table, dialect = store.parts.prepared.schema.seal, dialect_of(connection)
        for refusal in dialect.in_range(connection.dialect, table, "{row}number > 1", "no"):
            connection.exec_driver_sql(refusal)
    with pytest.raises(AddresseeError):
        store.seal()
    assert not seals(store)


def test_the_digest_hangs_on_the_events_alone(store: SqlStore, new_url: Callable[[], str]) -> None:
    live(store)
    sealer(store).run()
    with SqlStore(new_url(), identifier_key=store.identifier_key) as other:
        with store.auditing() as audit, other.database.writing() as connection:
            rows = audit.stored(0, 1_000)
            other.parts.prepared.copies.insert(connection, rows)
        whole = other.seal()
    assert whole is not None
    assert whole.digest == seals(store)[-1].digest
    assert whole.events > 7


def test_seals_that_are_changed_or_gone_are_noticed(store: SqlStore) -> None:
    live(store)
    sealer(store).run()
    two, three, four = seals(store)[1:4]
    change = "update addressee_seal set digest = :d where number = 2"
    tamper(store, lambda connection: run(connection, change, d=bytes(32)))
    assert [name for name, _ in broken(store)] == [
        f"2, positions {two.first} to {two.last}",
        f"3, positions {three.first} to {three.last}",
    ]
    with store.database.writing() as connection:
        run(connection, change, d=two.digest)
        run(connection, "delete from addressee_seal where number = 3")
    problem = f"seal 2, up to position {two.last}, should be before it and is not"
    assert broken(store) == [(f"4, positions {four.first} to {four.last}", problem)]


def test_R30_who_makes_the_seals_anew_is_found_by_what_was_kept_elsewhere(store: SqlStore) -> None:
    live(store)
    sealer(store).run()
    kept = seals(store)

    def forge(connection: Connection) -> None:
        change_payload(connection, kept[1].first)
        run(connection, "delete from addressee_seal")

    with store.auditing() as audit:
        assert lost_anchors(audit, kept, page=3) == []
    tamper(store, forge)
    sealer(store).run()
    assert broken(store) == []
    with store.auditing() as audit:
        assert lost_anchors(audit, reversed(kept), page=3) == [*kept[1:]]


@pytest.mark.parametrize(
    "statement", ["update addressee_seal set events = 0", "delete from addressee_seal"]
)
def test_R30_seals_refuse_to_be_changed(store: SqlStore, url: str, statement: str) -> None:
    live(store)
    store.seal()
    before = seals(store)
    engine = create_engine(url)
    match = "seals are never changed or deleted"
    with pytest.raises(exc.DBAPIError, match=match), engine.begin() as own:
        own.execute(text(statement))
    engine.dispose()
    assert seals(store) == before


def test_sealers_that_race_make_one_chain_beside_writers(store: SqlStore, *, long: bool) -> None:
    done = Event()

    def write() -> None:
        for seed in range(12 if long else 5):
            live(store, seed, 10)
        done.set()

    def seal(_: int) -> list[Seal]:
        made: list[Seal] = []
        over = False
        while not over:
            over = done.is_set()  # what was written until then is sealed in any case
            sealer(store, page=3).run(made.append)
        return made

    with ThreadPoolExecutor(5) as threads:
        threads.submit(write)
        made = [seal for seals in threads.map(seal, range(4)) for seal in seals]
    store.seal()
    found = verify(store)
    assert (found.sealed, found.differences) == (found.position, ())
    assert len({seal.number for seal in made}) == len(made), "each seal was made once"
    assert len(made) > 10
