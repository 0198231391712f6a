"""What stands in the ledger, retries and lost races (R5, R29 to R32)."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import pytest

from addressee.application import Changes, Identity, Personalization, Store
from addressee.domain import (
    Conflict,
    DeviceDepersonalized,
    DevicePersonalized,
    Event,
    IdempotencyKeyReused,
    InvalidValue,
    LimitExceeded,
    PersonalizationImpossible,
    PrimaryChanged,
)
from tests.contract.conftest import Clock, Host


def events(host: Host) -> list[Event]:
    with host.store.reading() as reader:
        return [event for _, event in reader.events(0, 100_000)]


@pytest.mark.parametrize("many", [6, 40])
def test_R29_streams_are_read_on_from_any_version(host: Host, many: int) -> None:
    devices = [host.device(f"d{n}") for n in range(many)]
    for device in devices:
        for name in ("ali", "bo"):
            host.login(device, name)
            host.people.depersonalize(device)
    with host.store.reading() as reader:
        whole = reader.streams({f"installation:{device}": 0 for device in devices})
        assert {len(recorded) for recorded in whole.values()} == {5}
        for known in range(7):
            # Some are known up to a version, more than one statement asks for; others not at all,
            # or by a version that they do not have yet.
            after = {f"installation:{d}": known if place else 0 for place, d in enumerate(devices)}
            after["installation:none"] = known
            expected = {s: whole[s][v:] for s, v in after.items() if s in whole and whole[s][v:]}
            found = reader.streams(after)
            assert {s: list(recorded) for s, recorded in found.items() if recorded} == expected


@pytest.mark.parametrize("kind", [DevicePersonalized, DeviceDepersonalized, PrimaryChanged])
def test_R29_both_aggregates_record_what_concerns_both(host: Host, kind: type[Event]) -> None:
    device = host.device()
    ali = host.login(device, "ali", set_primary=True)
    host.people.depersonalize(device)
    streams = {e.originator_id for e in events(host) if type(e) is kind}
    assert streams == {f"installation:{device}", f"person:{ali}"}


def test_R29_every_event_tells_when_who_asked_and_by_which_request(host: Host) -> None:
    device = host.device()
    host.people.personalize(
        device, Identity(external_id="ali"), actor="backend:crm", correlation_id="req-7"
    )
    made = [e for e in events(host) if e.correlation_id == "req-7"]
    assert {type(e).__name__ for e in made} == {
        "PersonCreated",
        "IdentifierAdded",
        "IdentifierClaimed",
        "DevicePersonalized",
    }
    assert {(e.actor, e.timestamp) for e in made} == {("backend:crm", host.clock.now)}
    assert all(e.timestamp.utcoffset() == timedelta(0) for e in events(host))
    with pytest.raises(InvalidValue):
        host.people.touch(device, actor="somebody")
    with pytest.raises(LimitExceeded):
        host.people.touch(device, correlation_id="x" * 257)


def test_R29_times_of_a_stream_never_run_backwards(host: Host) -> None:
    device = host.device()
    host.login(device, "ali")
    host.clock.move(hours=-2)
    host.people.depersonalize(device)
    times = [e.timestamp for _, e in host.history.installation(device)]
    assert times == sorted(times)


def test_R29_R30_streams_are_numbered_without_gaps_and_positions_only_grow(host: Host) -> None:
    for name in ("a", "b"):
        host.login(host.device(name, push_token=name), "ali", set_primary=True)
    host.people.depersonalize("a")
    with host.store.reading() as reader:
        recorded = reader.events(0, 1000)
        assert [r.position for r in recorded] == sorted({r.position for r in recorded})
        versions: dict[str, int] = {}
        for _, event in recorded:
            assert event.originator_version == versions.get(event.originator_id, 0) + 1
            versions[event.originator_id] = event.originator_version
        assert reader.events(recorded[3].position, 2) == recorded[4:6]


def test_R31_the_same_key_again_answers_the_first_result(host: Host) -> None:
    first = host.people.register("shop", push_token="t", idempotency_key="k1")
    count = len(events(host))
    assert host.people.register("shop", push_token="t", idempotency_key="k1") == first
    bob = Identity(external_id="bob", emails=["b@x.com"])
    login = host.people.personalize(
        first.installation, bob, {"n": 1}, {"x", "y"}, set_primary=True, idempotency_key="k2"
    )
    host.people.depersonalize(first.installation)
    count = len(events(host))
    for people in (host.people, Personalization(host.store)):
        again = people.personalize(
            first.installation, bob, {"n": 1}, {"y", "x"}, set_primary=True, idempotency_key="k2"
        )
        assert again == login
    assert len(events(host)) == count
    assert host.history.who(first.installation) is None


def test_R31_a_key_belongs_to_one_request_and_a_refusal_does_not_use_it_up(host: Host) -> None:
    device = host.device()
    host.people.touch(device, idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        host.people.depersonalize(device, idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        host.people.touch(host.device("other"), idempotency_key="k")
    with pytest.raises(InvalidValue):
        host.people.personalize(device, Identity(), idempotency_key="l")
    answer = host.people.personalize(device, Identity(external_id="a"), idempotency_key="l")
    assert answer.outcome == "attached"


class Racing:
    """A store in which somebody else is always a little faster."""

    def __init__(self, store: Store, wins: int) -> None:
        self.store = store
        self.wins = wins
        self.identifier_key = store.identifier_key
        self.indexed_attributes = store.indexed_attributes
        self.applications = store.applications
        self.reading = store.reading

    @contextmanager
    def writing(self, first: Mapping[str, int]) -> Generator[object]:
        with self.store.writing(first) as transaction:
            if self.wins:
                self.wins -= 1
                raise Conflict("installation:phone", 1, 2)
            yield transaction


def test_R32_a_lost_race_is_run_again_and_given_up_after_some_attempts(
    store: Store, clock: Clock
) -> None:
    Personalization(store, clock=clock).register("shop", installation="phone")
    persistent = Personalization(Racing(store, 3), attempts=4)  # type: ignore[arg-type] # wraps one
    assert persistent.personalize("phone", Identity(external_id="a")).outcome == "attached"
    impatient = Personalization(Racing(store, 3), attempts=3)  # type: ignore[arg-type] # likewise
    with pytest.raises(Conflict) as given_up:
        impatient.depersonalize("phone")
    assert (given_up.value.expected, given_up.value.actual) == (1, 2)


def test_R5_R32_the_store_itself_refuses_a_second_event_of_a_version(host: Host) -> None:
    device = host.device()
    host.login(device, "ali")
    with host.store.reading() as reader:
        stale = [r.event for r in reader.events(0, 100)][-2:]
    with pytest.raises(Conflict) as refused, host.store.writing() as transaction:
        transaction.append(stale, Changes())
    assert refused.value.actual > refused.value.expected
    with host.store.reading() as reader:
        assert [r.event for r in reader.events(0, 100)][-2:] == stale


def test_R32_an_id_that_was_used_before_is_a_lost_race(host: Host) -> None:
    ids = iter(["same", "same", "other"])
    people = Personalization(host.store, ids=lambda: next(ids), attempts=2)
    devices = [host.device(name) for name in ("phone", "tablet")]
    names = [people.personalize(each, Identity(external_id=each)).person for each in devices]
    assert names == ["same", "other"]


def test_R19_R32_two_services_on_one_store_see_what_the_other_did(host: Host) -> None:
    other = Personalization(host.store)
    device = host.device()
    ali = host.login(device, "ali")
    assert other.depersonalize(device).person == ali
    assert host.people.depersonalize(device).outcome == "unchanged"
    bob = other.personalize(device, Identity(external_id="bob")).person
    with pytest.raises(PersonalizationImpossible):
        host.people.personalize(device, Identity(external_id="ali"))
    assert host.people.depersonalize(device).person == bob
    assert other.personalize(device, Identity(external_id="ali")).person == ali


def test_R32_without_a_cache_everything_is_the_same(host: Host) -> None:
    people = Personalization(host.store, cache_bytes=0)
    device = host.device()
    people.personalize(device, Identity(external_id="ali"), tags={"vip"})
    people.depersonalize(device)
    assert people.personalize(device, Identity(external_id="ali")).outcome == "attached"
    assert host.found("tag:vip") == [device]
