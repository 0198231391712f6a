"""Many commands in one transaction are what they are one by one (R15, R17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.engine_factory import made_engine
from addressee.application import (
    AuditableStore,
    Identity,
    Personalization,
    Registered,
    Store,
    Targeting,
    bulk,
    verify,
)
from addressee.application.bulk import Call
from addressee.application.unit_of_work.results import Result
from addressee.domain import AddresseeError, Event, InvalidValue
from addressee.domain.audiences.expression import itag
from tests.contract.conftest import Clock, Host

DEVICES = st.sampled_from(["a", "b", "c"])
NAMES = st.sampled_from(["ali", "bob", "carol"])
EMAILS = st.lists(st.sampled_from(["one@x.com", "two@x.com", "broken"]), max_size=2)
FLAGS = st.booleans()


def register(device: str, token: str) -> Call:
    return lambda p: p.register("shop", installation=device, push_token=token)


def tagged(device: str, tag: str) -> Call:
    return lambda p: p.tag_installation(device, add={tag})


def personalize(device: str, name: str | None, emails: list[str], force: bool) -> Call:  # drawn
    return lambda p: p.personalize(
        device,
        Identity(external_id=name, emails=emails),
        tags={"vip"},
        force_depersonalize=force,
        set_primary=True,
    )


CALLS: st.SearchStrategy[Call] = st.one_of(
    st.builds(register, DEVICES, st.sampled_from(["t", "u", "v"])),
    st.builds(personalize, DEVICES, st.none() | NAMES, EMAILS, FLAGS),
    DEVICES.map(lambda device: lambda p: p.depersonalize(device)),
    DEVICES.map(lambda device: lambda p: p.touch(device, idempotency_key="k")),
    st.builds(
        lambda device, name: lambda p: p.update_person(device, Identity(external_id=name)),
        DEVICES,
        NAMES,
    ),
)


def service(store: Store) -> tuple[Personalization, Store]:
    numbers = count()
    return Personalization(store, clock=Clock(), ids=lambda: f"id{next(numbers)}"), store


def singly(people: Personalization, calls: list[Call]) -> Iterator[object]:
    for call in calls:
        try:
            yield call(people)
        except AddresseeError as refusal:
            yield refusal


def told(outcome: object) -> object:
    return (type(outcome), str(outcome)) if isinstance(outcome, AddresseeError) else outcome


def ledger(store: Store) -> list[Event]:
    with store.reading() as reader:
        return [event for _, event in reader.events(0, 10_000)]


def compare(calls: list[Call], first: Store, second: Store) -> None:
    """Run the same calls singly on one store and in bulk on another."""
    (one_by_one, _), (together, _) = service(first), service(second)
    expected = [told(outcome) for outcome in singly(one_by_one, calls)]
    assert [told(outcome) for outcome in bulk(together, calls)] == expected
    assert ledger(first) == ledger(second)
    audiences = ["all", "tag:vip", "primary", "external_id:ali", "email:one@x.com"]
    reached = [[[*Targeting(s).targets("shop", a)] for a in audiences] for s in (first, second)]
    assert reached[0] == reached[1]


@given(st.lists(CALLS, max_size=25))
def test_R15_R17_bulk_equals_single_outcome_by_outcome(calls: list[Call]) -> None:
    compare(calls, MemoryStore(identifier_key=b"k"), MemoryStore(identifier_key=b"k"))


@pytest.mark.parametrize(
    "server", ["sqlite", "postgres", pytest.param("mariadb", marks=pytest.mark.mariadb)]
)
def test_R15_R17_bulk_equals_single_on_databases(
    server: str, request: pytest.FixtureRequest, tmp_path: Path, *, long: bool
) -> None:
    if server == "sqlite":
        url = f"sqlite:///{tmp_path}/bulk.db"
    else:
        url = request.getfixturevalue(server).new_database()
    engine = made_engine(url)
    numbers = count()

    @settings(max_examples=25 if long else 3, deadline=None)
    @given(st.lists(CALLS, min_size=5, max_size=25))
    def on_new_tables(calls: list[Call]) -> None:
        first, second = (
            SqlStore(engine, prefix=f"s{next(numbers)}_", identifier_key=b"k") for _ in range(2)
        )
        compare(calls, first, second)

    on_new_tables()
    engine.dispose()


def test_R15_a_refused_command_takes_nothing_of_the_others_back(host: Host) -> None:
    calls: list[Callable[[Personalization], object]] = [
        lambda p: p.register("shop", installation="a"),
        lambda p: p.personalize("a", Identity(external_id="ali"), tags={"vip"}),
        lambda p: p.personalize("a", Identity(external_id="bob"), tags={"lost"}),
        lambda p: p.set_primary("a"),
    ]
    outcomes = bulk(host.people, calls)  # type: ignore[arg-type] # each answers a result
    assert [isinstance(outcome, AddresseeError) for outcome in outcomes] == [
        False,
        False,
        True,
        False,
    ]
    assert host.found("tag:vip and primary and not tag:lost") == ["a"]
    with host.store.reading() as reader:
        positions = [position for position, _ in reader.events(0, 1000)]
    assert {getattr(outcome, "position", positions[0]) for outcome in outcomes} <= set(positions)


def test_what_is_not_one_command_is_refused_alone(host: Host) -> None:
    calls: list[Call] = [
        lambda people: people.register("shop", installation="phone"),
        lambda people: cast("Result", people.expire_sessions()),
        lambda people: cast("Result", people.preview_merge("a", "b")),
        lambda people: cast("Result", people.preview_unmerge("a.1")),
    ]
    registered, *refused = bulk(host.people, calls)
    assert isinstance(registered, Registered)
    assert [type(each) for each in refused] == [InvalidValue] * 3


def test_R15_R19_so_many_that_rows_are_written_in_another_way(
    host: Host, request: pytest.FixtureRequest, *, long: bool
) -> None:
    copied = request.node.callspec.id == "postgresql"  # others write more rows in the same way
    names = [f"d{n}" for n in range(510 if long or copied else 120)]
    registered = bulk(host.people, [register(name, name) for name in names])
    signed_in = bulk(
        host.people, [personalize(name, name, [f"{name}@x.com"], force=False) for name in names]
    )
    positions = [getattr(answer, "position", 0) for answer in (*registered, *signed_in)]
    assert positions == sorted({*positions})
    assert host.found("tag:vip and primary") == names
    assert host.found("email:d7@x.com") == ["d7"]
    devious = 'a\tb\n\\N"'
    bulk(host.people, [tagged(name, devious) for name in names])
    assert list(host.reach.targets("shop", itag(devious))) == names
    assert isinstance(host.store, AuditableStore)
    found = verify(host.store)
    assert (found.differences, found.skipped) == ((), 0)


def test_R32_of_two_large_bulks_at_once_each_command_takes_effect_once(host: Host) -> None:
    names = [f"d{n}" for n in range(300)]
    services = [Personalization(host.store), Personalization(host.store)]

    def run(people: Personalization) -> list[str]:
        answers = bulk(people, [register(name, name) for name in names])
        return [getattr(answer, "outcome", "") for answer in answers]

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(run, services)
    assert [*first, *second].count("registered") == len(names)
    assert host.found("all") == names
