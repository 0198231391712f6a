"""Persons who are erased by time while they sign in, and runs that are interrupted (R54)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from addressee.application import (
    Erasure,
    History,
    InstallationErasure,
    Personalization,
    Rights,
    Targeting,
    verify,
)
from addressee.application.rights.retention import ledger_search
from addressee.domain import (
    ErasureRequested,
    MobileApp,
    StoreUnavailable,
)
from tests.integration.sealing.erasure.conftest import DAY, SHOP, Life, named, on_servers

ROUNDS = 8


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
        done: list[Erasure | InstallationErasure] = []
        assert life.rights.erase_inactive(erased=done.append) == 1
    assert [named(each) for each in done] == [bea]
    assert Targeting(life.store).preview("shop", "external_id:ali") == ["tablet-of-ali"]
    life.sign_out("ali", device="tablet")
    assert life.erased(days=30) == [ali]


@on_servers
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
        barrier.wait()
        return life.erase_beside_others()

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


def test_R54_a_time_that_is_taken_away_ends_a_run(life: Life) -> None:
    for n in range(3):
        life.sign_in(f"person{n}")
        life.sign_out(f"person{n}")
    life.clock.move(days=30)
    put = life.store.applications.put
    for other in (MobileApp(code="shop"), MobileApp(code="shop", erase_after=60 * DAY)):
        assert life.rights.erase_inactive(erased=lambda _, other=other: put(other)) == 1  # type: ignore[misc] # a default
        assert life.rights.erase_inactive() == 0
        put(SHOP)
    assert len(life.erased()) == 1, "nobody was passed over"


def test_R51_R54_an_interrupted_run_goes_on_where_it_was(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_search, "PAGE", 3)
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

    erased: list[Erasure | InstallationErasure] = []
    with monkeypatch.context() as broken:
        broken.setattr(keys, "destroy", fails)
        with pytest.raises(StoreUnavailable):
            life.rights.erase_inactive(erased=erased.append)
    assert len(erased) == 2
    half = [each for each in persons if not life.knows(each)]
    assert len(half) == 3, "one has only begun"
    life.store.applications.put(MobileApp(code="shop"))
    other = Rights(life.store, Personalization(life.store, clock=life.clock))
    assert other.erase_inactive(dry_run=True) == 1
    assert other.erase_inactive(erased=erased.append) == 1, "it has begun, whatever the times are"
    assert other.erase_inactive() == 0
    life.store.applications.put(SHOP)
    again = Rights(life.store, Personalization(life.store, clock=life.clock))
    reached: list[tuple[int, int]] = []
    assert again.erase_inactive(erased=erased.append, progress=lambda *at: reached.append(at)) == 2
    assert {named(each) for each in erased} == {*persons}
    assert reached[-1][0] <= reached[-1][1]
    assert again.erase_inactive() == 0
    assert verify(life.store).differences == ()
