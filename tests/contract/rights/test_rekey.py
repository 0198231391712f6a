"""A store with another identifier key answers as before, and goes on (R5, R36, R50)."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Mapping, Sequence

import pytest

from addressee.application import (
    AsOf,
    AuditableStore,
    History,
    Identity,
    Past,
    Profiles,
    Rekeyed,
    Store,
    Targeting,
    rekey,
    verify,
)
from addressee.domain import AddresseeError, InvalidValue, PersonalizationImpossible

from ..conftest import PARAMS, STORES, Host, stock_sqlite
from ..ledger.test_past_states import no_fold
from ..merges.test_lives import PAGE, Merging, shown

STEPS = 12
MOMENTS = 2
KEY = bytes(range(32))
RECORDERS = [*STORES].index("stock_sqlite")
"""From there on the stores have the events of another recorder, and can't replace a key."""


@pytest.fixture(params=PARAMS[:RECORDERS])
def store(request: pytest.FixtureRequest) -> Generator[Store]:
    """Each store that can replace its key."""
    yield from STORES[request.param](request)


def answers(reach: Targeting, shop: str, names: Sequence[str]) -> Mapping[str, object]:
    """Return whom each external id reaches, by itself and within a larger audience."""
    return {
        audience: reach.preview(shop, audience, 10)
        for name in names
        for audience in (f'external_id:"{name}"', f'external_id:"{name}" and not tag:never')
    }


def pasts(store: AuditableStore, end: int, shop: str, names: Sequence[str]) -> Iterator[object]:
    """Yield what was true at moments up to a position, by each way to find it out."""
    with store.reading() as view:
        events = view.events(0, end, end)
    for at in range(end // MOMENTS, end + 1, end // MOMENTS):
        yield answers(Targeting(store).as_of(at), shop, names)
        yield answers(Targeting(Past(store, at)), shop, names)
        then = next(event.timestamp for position, event in events if position >= at)
        yield answers(Targeting(store).as_of(then), shop, names)


def told(store: Store, shop: str, names: Sequence[str]) -> list[object]:
    """Return who is found by identifiers, and who ever held them."""
    profiles, history = Profiles(store), History(store)
    return [
        *(profiles.find(Identity(external_id=name)) for name in names),
        *(history.identifier("external_id", name) for name in names),
        answers(Targeting(store), shop, names),
    ]


def counted(done: Rekeyed) -> tuple[int, int, int]:
    return done.identifiers, done.push_tokens, done.forgotten


def test_R5_every_answer_is_as_before(host: Host, *, long: bool) -> None:
    for seed in range(10 if long else 1):
        is_as_before(host.store, f"shop{seed}", seed)


def is_as_before(store: Store, shop: str, seed: int) -> None:
    """Check that a life of an application of its own is not changed by new keys."""
    assert isinstance(store, AuditableStore)
    merging = Merging(random.Random(seed), store, shop)  # noqa: S311 # a life that can be had again
    names = merging.life.names
    noted: list[tuple[int, list[object]]] = []
    for _ in range(2):
        merging.live(STEPS)
        merging.merge()
        merging.live(STEPS)
        before, end, models = told(store, shop, names), store.settled(), shown(store)
        noted.append((end, [*pasts(store, end, shop, names)]))
        planned = rekey(store, dry_run=True)
        assert (planned.done, store.settled()) == (False, end)
        done = rekey(store)
        assert counted(done) == counted(planned)
        assert (done.done, done.forgotten, done.position) == (True, 0, store.settled())
        assert told(store, shop, names) == before
        now = shown(store)
        assert (now["rows"], now["terms"]) == (models["rows"], models["terms"])
    merging.live(STEPS)
    for end, past in noted:
        assert [*pasts(store, end, shop, names)] == past
    assert verify(store, page=PAGE).differences == ()


def test_R5_R35_earlier_moments_are_found_without_a_fold(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claims of today lead to the streams that they were in, twice over."""
    monkeypatch.setattr("addressee.application.past.as_of.SHARE", 0)
    store, people = host.store, host.people
    for device, name in (("phone", "ali"), ("tablet", "bea")):
        host.login(host.device(device), name)
    moments = [store.settled()]
    for other in (True, False):
        rekey(store)
        people.depersonalize("phone")
        host.login("phone", "carl" if other else "ali")
        moments.append(store.settled())
    expected = [("phone", "tablet", None), (None, "tablet", "phone"), ("phone", "tablet", None)]
    for at, devices in zip(moments, expected, strict=True):
        for name, of in zip(("ali", "bea", "carl"), devices, strict=True):
            reach = Targeting(AsOf(store, at, no_fold))
            found = [of] if of else []
            assert reach.preview("shop", f"external_id:{name}") == found
            assert reach.preview("shop", f"external_id:{name} and not tag:never") == found


def test_R5_claims_hold_under_the_new_key(host: Host) -> None:
    ali = Identity(external_id="ali", emails=["a@x.com"], msisdns=["385991111666"])
    phone, tablet, third = (host.device(name, push_token=name) for name in ("one", "two", "three"))
    person = host.people.personalize(phone, ali).person
    host.people.personalize(tablet, Identity("bea", emails=["b@x.com"]))
    host.people.update_person(tablet, remove=Identity(emails=["b@x.com"]))
    rekey(host.store)
    with pytest.raises(PersonalizationImpossible):
        host.people.personalize(tablet, Identity(emails=["a@x.com"]))
    assert host.people.personalize(third, Identity(emails=["a@x.com"])).person == person
    host.people.update_person(third, Identity(emails=["b@x.com"]))
    [first, gone, again] = (event for _, event in host.history.identifier("email", "b@x.com"))
    assert first.person == gone.person != again.person == person  # type: ignore[attr-defined] # claims have one
    newer = host.people.register("shop", installation="four", push_token="one")
    assert newer.superseded == phone, "its push token is claimed under the new key"
    assert isinstance(host.store, AuditableStore)
    assert verify(host.store).differences == ()


def test_R5_wrong_keys_are_refused_and_nothing_is_done(host: Host) -> None:
    store = host.store
    first = store.identifier_key
    host.login(host.device(), "ali")
    end = store.settled()
    rekey(store, KEY)
    for wrong in (KEY, first, KEY[:15], KEY * 3, "0" * 32):
        with pytest.raises(InvalidValue, match=r"^key "):
            rekey(store, wrong)  # type: ignore[arg-type] # wrong on purpose
    assert (store.identifier_key, store.settled()) == (KEY, end + 2)
    assert host.found("external_id:ali") == ["phone"]


def test_R5_what_fails_half_way_has_changed_nothing(host: Host) -> None:
    store = host.store
    assert isinstance(store, AuditableStore)
    host.login(host.device(push_token="t"), "ali")
    key, before, models = store.identifier_key, store.settled(), shown(store)

    def fail(_: int, __: int) -> None:
        raise AddresseeError

    with pytest.raises(AddresseeError):
        rekey(store, progress=fail)
    assert (store.identifier_key, store.settled(), shown(store)) == (key, before, models)
    host.login(host.device("tablet"), "ali")
    assert host.found("external_id:ali") == ["phone", "tablet"]
    assert verify(store).differences == ()
    assert rekey(store).done
    assert host.found("external_id:ali") == ["phone", "tablet"]


def test_R5_a_store_on_another_recorder_keeps_its_key(request: pytest.FixtureRequest) -> None:
    for store in stock_sqlite(request):
        with pytest.raises(InvalidValue, match="can't replace"):
            rekey(store)
