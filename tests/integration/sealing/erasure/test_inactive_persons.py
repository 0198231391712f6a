"""Persons who have had no installation for long are erased, and nobody else (R54)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import (
    Erasure,
    History,
    InstallationErasure,
    Personalization,
    Rights,
    verify,
)
from addressee.application.rights.retention import ledger_search
from addressee.domain import (
    DeviceDepersonalized,
    ErasureRequested,
    MobileApp,
    PersonErased,
    StoreNotSealed,
    StoreUnavailable,
)
from tests.integration.sealing.conftest import WRAPPING
from tests.integration.sealing.erasure.conftest import DAY, SHOP, Life, named


def test_R54_who_has_had_no_installation_for_long_is_erased(life: Life) -> None:
    gone, back, bound = (life.sign_in(name) for name in ("gone", "back", "bound"))
    two = life.sign_in("two")
    life.sign_in("two", device="tablet")
    for name in ("gone", "back", "two"):
        life.sign_out(name)
    assert life.erased(days=29, hours=23) == []
    life.sign_in("back", device="tablet")
    assert life.erased(hours=1) == [gone]
    [request] = [e for _, e in History(life.store).person(gone) if isinstance(e, ErasureRequested)]
    assert request.actor == "policy:retention"
    assert [life.knows(each) for each in (gone, back, bound, two)] == [False, True, True, True]
    assert life.sign_in("gone") != gone, "somebody new"
    life.sign_out("back", device="tablet")
    life.people.expire("tablet-of-two", "unregistered")
    assert life.erased(days=29) == []
    assert {*life.erased(days=1)} == {back, two}
    assert life.erased(days=1_000) == []
    assert verify(life.store).differences == ()


def test_R54_of_several_applications_the_longest_time_counts_and_all_must_have_one(
    life: Life,
) -> None:
    life.store.applications.put(MobileApp(code="bank", erase_after=90 * DAY))
    life.store.applications.put(MobileApp(code="game"))
    ali = life.sign_in("ali")
    life.sign_in("ali", "bank", "tablet")
    bea = life.sign_in("bea")
    life.sign_in("bea", "game", "tablet")
    for name in ("ali", "bea"):
        life.sign_out(name)
        life.sign_out(name, "tablet")
    assert life.erased(days=89) == []
    assert life.erased(days=1) == [ali]
    assert life.erased(days=1_000) == []
    life.store.applications.put(MobileApp(code="game", erase_after=90 * DAY))
    assert life.erased() == [bea], "with other times the ledger is read again"
    life.sign_in("chen")
    life.sign_out("chen")
    life.store.applications.put(MobileApp(code="shop"))
    assert life.erased(days=1_000) == []


def test_R52_R54_merged_persons_are_one(life: Life) -> None:
    ali, old, chen, eve = (life.sign_in(name) for name in ("ali", "old", "chen", "eve"))
    for name in ("old", "chen", "eve"):
        life.sign_out(name)

    def merge(one: str, other: str) -> str:
        digest = life.people.preview_merge(one, other).digest
        return life.people.merge(one, other, digest=digest, force="a test").merge

    link = merge(ali, old)
    life.clock.move(days=20)
    life.sign_in("eve", device="tablet")
    life.sign_out("eve", device="tablet")
    merge(chen, eve)
    assert life.erased(days=10) == [], "ali has an installation, and eve left hers later"
    life.people.unmerge(link, digest=life.people.preview_unmerge(link).digest)
    assert life.erased(days=19) == []
    assert life.erased(days=1) == [chen]
    assert not life.knows(eve)
    assert life.erased(days=9) == [], "old was one with ali until then"
    assert life.erased(days=1) == [old]
    assert life.knows(ali)
    assert verify(life.store).differences == ()


def test_R54_it_costs_what_falls_due_and_not_all_who_are_there(tmp_path: Path) -> None:
    costs: list[tuple[int, int]] = []
    for others in (2, 20):
        keys = SqlKeyStore(f"sqlite:///{tmp_path}/keys{others}.db", wrapping_key=WRAPPING)
        with closing(keys), SqlStore(f"sqlite:///{tmp_path}/{others}.db", keys=keys) as store:
            store.applications.put(SHOP)
            life = Life(store)
            for n in range(others):
                life.sign_in(f"stays{n}")
                life.sign_in(f"leaves{n}")
                life.sign_out(f"leaves{n}")
            assert len(life.erased(days=30)) == others
            due = life.sign_in("due")
            life.sign_out("due")
            life.clock.move(days=30)
            for n in range(others):
                life.sign_in(f"young{n}")
                life.sign_out(f"young{n}")
            rights = Rights(store, Personalization(store, clock=life.clock))
            statements: list[object] = []
            erased: list[Erasure | InstallationErasure] = []
            event.listen(
                store.database.engine,
                "before_cursor_execute",
                lambda *told, statements=statements: statements.append(told[2]),
            )
            rights.erase_inactive(erased=erased.append)
            whole = len(statements)
            assert [named(each) for each in erased] == [due]
            assert rights.erase_inactive() == 0
            costs.append((whole, len(statements) - whole))
    assert costs[0] == costs[1]
    assert costs[0][1] < costs[0][0], "a run that finds nothing"


def test_R54_nothing_is_erased_by_default_or_from_a_store_in_clear() -> None:
    store = MemoryStore()
    life = Life(store)
    ali = life.sign_in("ali")
    life.sign_out("ali")
    life.clock.move(days=1_000)
    assert life.rights.erase_inactive() == 0
    store.applications.put(SHOP)
    life = Life(store)
    life.clock.move(days=1_000)
    with pytest.raises(StoreNotSealed):
        life.rights.erase_inactive()
    assert life.knows(ali)


def test_R54_a_run_by_a_clock_that_is_behind_passes_nobody_over(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_search, "PAGE", 4)
    persons = {life.sign_in(name) for name in ("ali", "bea", "chen")}
    for name in ("ali", "bea", "chen"):
        life.sign_out(name)
    for days in (2, 31, 1_000):
        assert life.rights.erase_inactive(life.clock.now - timedelta(days=days)) == 0
    assert {*life.erased(days=30)} == persons


def test_R54_an_event_of_a_wrong_clock_holds_nobody_up(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_search, "PAGE", 4)
    wrong = Personalization(life.store, clock=lambda: life.clock.now + timedelta(days=3_650))
    early = life.sign_in("early")
    life.sign_out("early")
    for _ in range(9):
        wrong.register("shop")
    late = life.sign_in("late")
    life.sign_out("late")
    assert {*life.erased(days=30)} == {early, late}


def test_R54_events_of_the_future_end_a_search_and_are_taken_later(life: Life) -> None:
    ahead = life.clock.now + timedelta(minutes=4)
    first = life.sign_in("first")
    life.people.depersonalize("phone-of-first", at=ahead)
    second = life.sign_in("second")
    life.sign_out("second")
    assert life.erased(days=30) == [], "the second waits behind the first"
    assert {*life.erased(minutes=4)} == {first, second}
    [left] = [
        each for _, each in History(life.store).person(first)
        if isinstance(each, DeviceDepersonalized)
    ]  # fmt: skip
    assert left.timestamp == ahead


@contextmanager
def refusing(store: SqlStore, *conditions: str) -> Generator[None]:
    """Have the database refuse events for which one of the conditions does not hold."""
    with store.database.writing() as connection:
        events, dialect = store.parts.prepared.schema.event, store.database.dialect
        [trigger] = dialect.in_range(connection.dialect, events, " AND ".join(conditions), "no")
        connection.exec_driver_sql(trigger.replace("in_range", "own"))
    yield
    with store.database.writing() as connection:
        connection.exec_driver_sql("drop trigger addressee_event_own")


@pytest.fixture
def crowd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[tuple[Life, SqlStore, list[str]]]:
    """Return six persons, their store and their ids, who leave on pages of four events."""
    monkeypatch.setattr(ledger_search, "PAGE", 4)
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "keys")]
    with SqlKeyStore(urls[1], wrapping_key=WRAPPING) as keys, SqlStore(urls[0], keys=keys) as store:
        store.applications.put(SHOP)
        life = Life(store)
        persons = [life.sign_in(f"p{n}") for n in range(6)]
        for n in range(6):
            life.sign_out(f"p{n}")
        yield life, store, persons


def test_R54_a_person_whose_erasure_fails_keeps_nobody_else(
    crowd: tuple[Life, SqlStore, list[str]],
) -> None:
    life, store, persons = crowd
    failing = persons[1]
    with refusing(store, f"{{row}}stream <> 'person:{failing}'"):
        life.clock.move(days=30)
        for expected in ({*persons} - {failing}, set[str]()):
            done: list[Erasure | InstallationErasure] = []
            with pytest.raises(StoreUnavailable, match=r"1 erasures failed \(CONFLICT\)") as told:
                life.rights.erase_inactive(erased=done.append)
            assert {named(each) for each in done} == expected
            assert failing not in str(told.value)
    assert life.erased() == [failing]
    assert verify(store).differences == ()


def test_R54_all_who_are_half_erased_are_erased_even_if_the_times_are_others_by_then(
    crowd: tuple[Life, SqlStore, list[str]],
) -> None:
    life, store, persons = crowd
    half = [persons[0], persons[5]]
    last = PersonErased.TOPIC
    conditions = [f"NOT ({{row}}stream = 'person:{p}' AND {{row}}topic = '{last}')" for p in half]
    with refusing(store, *conditions):
        life.clock.move(days=30)
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="2 erasures failed"):
                life.rights.erase_inactive()
    store.applications.put(MobileApp(code=SHOP.code))
    assert {*life.erased(hours=1)} == {*half}
    assert life.erased(hours=1) == []
    assert verify(store).differences == ()


def test_R54_no_page_is_begun_while_as_many_as_can_be_noted_are_not_ended(
    crowd: tuple[Life, SqlStore, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_search, "UNDER_WAY", ["retention under way"])
    life, store, persons = crowd
    with refusing(store, f"{{row}}stream <> 'person:{persons[0]}'"):
        life.clock.move(days=30)
        with pytest.raises(StoreUnavailable, match="no others begin"):
            life.rights.erase_inactive()
    assert not life.knows(persons[1])
    assert life.knows(persons[5])
    assert {persons[0], persons[5]} <= {*life.erased()}
