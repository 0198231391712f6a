"""Persons who have had no installation for long are erased, and nobody else (R54)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event

from addressee.adapters.keys import MemoryKeyStore, SqlKeyStore
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import (
    Erasure,
    History,
    Identity,
    Personalization,
    Profiles,
    Rights,
    Targeting,
    verify,
)
from addressee.application.rights import inactive_persons
from addressee.domain import (
    DeviceDepersonalized,
    ErasureRequested,
    MobileApp,
    StoreNotSealed,
    StoreUnavailable,
    UnknownPerson,
)
from tests.contract.conftest import Clock
from tests.integration.sealing.conftest import WRAPPING

DAY = 86_400
ROUNDS = 8
SHOP = MobileApp(code="shop", erase_after=30 * DAY)
Sealed = MemoryStore | SqlStore


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.only_long),
        pytest.param("mariadb", marks=[pytest.mark.only_long, pytest.mark.mariadb]),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Sealed]:
    if request.param == "memory":
        yield MemoryStore(keys=MemoryKeyStore())
        return
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "keys")]
    if request.param != "sqlite":
        server = request.getfixturevalue(request.param)
        urls = [server.new_database() for _ in urls]
    with SqlKeyStore(urls[1], wrapping_key=WRAPPING) as keys, SqlStore(urls[0], keys=keys) as found:
        yield found


class Life:
    """Persons in a sealed store, each on an installation of the person's name."""

    def __init__(self, store: Sealed) -> None:
        self.store = store
        self.clock = Clock()
        self.people = Personalization(store, clock=self.clock)
        self.people.policies.timer = count(1, 2).__next__  # settings are cached a second
        self.rights = Rights(store, self.people)

    def sign_in(self, name: str, application: str = "shop", device: str = "phone") -> str:
        phone = self.people.register(application, installation=f"{device}-of-{name}").installation
        return self.people.personalize(phone, Identity(name), force_depersonalize=True).person

    def sign_out(self, name: str, device: str = "phone") -> None:
        self.people.depersonalize(f"{device}-of-{name}")

    def erased(self, **moved: float) -> list[str]:
        """Move the clock; return who is erased then, and check that the dry run has said so."""
        self.clock.move(**moved)
        planned: list[Erasure] = []
        done: list[Erasure] = []
        number = self.rights.erase_inactive(dry_run=True, erased=planned.append)
        assert all(not each.done for each in planned)
        assert self.rights.erase_inactive(erased=done.append) == number == len(planned)
        assert all(each.done for each in done)
        assert [each.person for each in done] == [each.person for each in planned]
        assert self.rights.erase_inactive(dry_run=True) == 0
        return [each.person for each in done]

    def knows(self, person: str) -> bool:
        try:
            return bool(Profiles(self.store).person(person))
        except UnknownPerson:
            return False


@pytest.fixture
def life(store: Sealed) -> Life:
    store.applications.put(SHOP)
    return Life(store)


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


def test_R54_who_signs_in_between_search_and_erasure_stays(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    ali, bea = life.sign_in("ali"), life.sign_in("bea")
    life.sign_out("ali")
    life.sign_out("bea")
    life.clock.move(days=30)
    run = life.people.run

    def late(command: Any, context: Any) -> Any:  # noqa: ANN401 # any command
        if getattr(command, "person", None) == ali and context:
            life.sign_in("ali", device="tablet")
        return run(command, context)

    with monkeypatch.context() as patch:
        patch.setattr(life.people, "run", late)
        done: list[Erasure] = []
        assert life.rights.erase_inactive(erased=done.append) == 1
    assert [each.person for each in done] == [bea]
    assert Targeting(life.store).preview("shop", "external_id:ali") == ["tablet-of-ali"]
    life.sign_out("ali", device="tablet")
    assert life.erased(days=30) == [ali]


@pytest.mark.parametrize(
    "store",
    [
        "sqlite",
        "postgres",
        pytest.param("mariadb", marks=[pytest.mark.only_long, pytest.mark.mariadb]),
    ],
    indirect=True,
)
def test_R54_a_sign_in_and_an_erasure_at_once_have_one_outcome(life: Life) -> None:
    names = [f"person{n}" for n in range(ROUNDS)]
    persons = {name: life.sign_in(name) for name in names}
    for name in names:
        life.sign_out(name)
    life.clock.move(days=30)
    barrier = Barrier(3)

    def sign_in(_: int) -> dict[str, str]:
        barrier.wait()
        return {name: life.sign_in(name, device="tablet") for name in names[::-1]}

    def erase() -> list[str]:
        erased: list[str] = []
        barrier.wait()
        Rights(life.store, Personalization(life.store, clock=life.clock)).erase_inactive(
            erased=lambda each: erased.append(each.person)
        )
        return erased

    with ThreadPoolExecutor(3) as threads:
        erasing = [threads.submit(erase) for _ in range(2)]
        signed_in = threads.submit(sign_in, 0).result()
        erased = {person for each in erasing for person in each.result()}
    history, reach = History(life.store), Targeting(life.store)
    for name, person in persons.items():
        assert reach.preview("shop", f"external_id:{name}") == [f"tablet-of-{name}"]
        assert (person in erased) is (signed_in[name] != person) is (not life.knows(person))
        topics = Counter(type(each.event) for each in history.person(person))
        assert topics[ErasureRequested] == (person in erased)
    assert verify(life.store).differences == ()


def test_R51_R54_an_interrupted_run_goes_on_where_it_was(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inactive_persons, "PAGE", 3)
    persons = [life.sign_in(f"person{n}") for n in range(5)]
    for n in range(5):
        life.sign_out(f"person{n}")
    life.clock.move(days=30)
    keys = life.store.keys
    assert keys is not None
    destroy, calls = keys.destroy, iter(range(100))

    def fails(ids: object) -> object:
        if next(calls) == 2:
            raise StoreUnavailable("no key store")
        return destroy(ids)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    erased: list[Erasure] = []
    with monkeypatch.context() as broken:
        broken.setattr(keys, "destroy", fails)
        with pytest.raises(StoreUnavailable):
            life.rights.erase_inactive(erased=erased.append)
    assert len(erased) == 2
    half = [each for each in persons if not life.knows(each)]
    assert len(half) == 3, "one has only begun"
    again = Rights(life.store, Personalization(life.store, clock=life.clock))
    reached: list[tuple[int, int]] = []
    assert again.erase_inactive(erased=erased.append, progress=lambda *at: reached.append(at)) == 3
    assert {each.person for each in erased} == {*persons}
    assert reached[-1][0] <= reached[-1][1]
    assert again.erase_inactive() == 0
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
            erased: list[Erasure] = []
            event.listen(
                store.database.engine,
                "before_cursor_execute",
                lambda *told, statements=statements: statements.append(told[2]),
            )
            rights.erase_inactive(erased=erased.append)
            whole = len(statements)
            assert [each.person for each in erased] == [due]
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
