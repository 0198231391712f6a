"""Commands of concurrent callers share a transaction; each keeps an outcome of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from uuid import uuid4

import pytest

from addressee.application import (
    AuditableStore,
    Identity,
    Personalization,
    Store,
    Targeting,
    verify,
)
from addressee.domain import (
    AddresseeError,
    DevicePersonalized,
    InstallationRegistered,
    NoRegistration,
    PersonalizationImpossible,
    StoreUnavailable,
)
from tests.contract.conftest import Host
from tests.patience import PATIENCE, wait_until

CALLERS = 20


class Callers:
    """Threads whose commands wait until all have been given, and then run as one group."""

    def __init__(self, store: Store, *, attempts: int = 100) -> None:
        self.go = Event()
        self.people = Personalization(store, ids=self._id, attempts=attempts)
        self.groups = self.people.execution.groups

    def _id(self) -> str:
        self.go.wait(PATIENCE)  # in the transaction of the command that leads
        return uuid4().hex

    def together(self, calls: list[Callable[[Personalization], object]]) -> list[object]:
        groups = self.groups
        assert groups is not None
        # None leaves before all are there, however slow the machine is.
        patience, groups._patience = groups._patience, None
        with ThreadPoolExecutor(len(calls) + 1) as threads:
            threads.submit(self.people.register, "shop")
            wait_until(lambda: groups._leader, "a leader", pause=0.001)
            given = [threads.submit(call, self.people) for call in calls]
            wait_until(lambda: len(groups._waiting) == len(calls), "all wait", pause=0.001)
            groups._patience = patience
            self.go.set()
            return [each.exception() or each.result() for each in given]


def login(device: str, person: str) -> Callable[[Personalization], object]:
    return lambda people: people.personalize(device, Identity(external_id=person))


def test_R15_a_refusal_in_a_group_is_that_callers_alone(host: Host) -> None:
    for n in range(CALLERS):
        host.device(f"d{n}")
    host.login("d3", "somebody")
    callers = Callers(host.store)
    answers = callers.together([login(f"d{n}", f"p{n}") for n in range(CALLERS)])
    assert isinstance(answers.pop(3), PersonalizationImpossible)
    assert not any(isinstance(answer, BaseException) for answer in answers)
    assert callers.groups is not None
    assert callers.groups.statistics.groups == 2
    assert [host.found(f"external_id:p{n}") for n in range(CALLERS)] == [
        [] if n == 3 else [f"d{n}"] for n in range(CALLERS)
    ]


def test_R29_a_failure_of_the_store_in_a_group_is_that_callers_alone(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the driver says of one command's rows, the others are committed."""
    for n in range(CALLERS):
        host.device(f"d{n}")
    with host.store.writing() as transaction:
        kind = type(transaction)
    conclude = kind.conclude

    def fail(self: object, events: object, changes: object, sessions: object) -> object:
        if "installation:d7" in repr(events):
            raise StoreUnavailable("the driver failed")
        return conclude(self, events, changes, sessions)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "conclude", fail)
    callers = Callers(host.store)
    answers = callers.together([login(f"d{n}", f"p{n}") for n in range(CALLERS)])
    assert isinstance(answers.pop(7), StoreUnavailable)
    assert not any(isinstance(answer, BaseException) for answer in answers)
    assert len(host.found("type:customer")) == CALLERS - 1


def test_R29_subscribers_hear_of_each_command_of_a_group_once_in_ledger_order(host: Host) -> None:
    for n in range(CALLERS):
        host.device(f"d{n}")
    callers, heard = Callers(host.store), list[str]()
    callers.people.subscribe(DevicePersonalized, lambda event: heard.append(event.person))
    answers = callers.together([login(f"d{n}", f"p{n}") for n in range(CALLERS)])
    order = sorted(answers, key=lambda answer: getattr(answer, "position"))  # noqa: B009 # object
    assert heard == [getattr(answer, "person") for answer in order]  # noqa: B009 # likewise


def test_a_subscriber_may_give_a_command(host: Host) -> None:
    people = Personalization(host.store)
    people.subscribe(
        InstallationRegistered,
        lambda event: people.tag_installation(event.installation, add={"new"}),
    )
    host.people = people
    host.device("a")
    assert host.found("itag:new") == ["a"]


def test_R31_one_idempotency_key_in_a_group_takes_effect_once(host: Host) -> None:
    host.device("a")
    callers = Callers(host.store)

    def tag(people: Personalization) -> object:
        return people.tag_installation("a", add={"x"}, idempotency_key="k")

    answers = callers.together([tag] * 5)
    assert len({repr(answer) for answer in answers}) == 1
    assert host.topics("a").count("InstallationTagged") == 1


def test_R29_R37_random_commands_of_eight_threads_leave_what_a_fold_gives(
    store: Store, *, long: bool
) -> None:
    callers = Callers(store)

    def live(people: Personalization, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 # lives that can be had again
        for _ in range(100 if long else 12):
            device, person = f"d{chance.randrange(12)}", f"p{chance.randrange(8)}"
            try:
                people.register("shop", installation=device)
                people.personalize(
                    device, Identity(external_id=person), force_depersonalize=chance.random() < 0.5
                )
                if chance.random() < 0.4:
                    people.depersonalize(device)
            except (PersonalizationImpossible, NoRegistration):
                continue

    assert callers.together([partial(live, seed=seed) for seed in range(8)]) == [None] * 8
    statistics = callers.people.groups
    assert statistics.groups < statistics.orders
    assert isinstance(store, AuditableStore)
    assert verify(store).differences == ()
    past = Targeting(store).as_of(store.settled())
    for audience in ("all", "type:customer", "external_id:p1"):
        assert [*past.targets("shop", audience)] == [*Targeting(store).targets("shop", audience)]


def test_groups_may_be_turned_off(host: Host) -> None:
    people = Personalization(host.store, group=1)
    assert people.execution.groups is None
    assert people.register("shop").outcome == "registered"
    with pytest.raises(AddresseeError):
        Personalization(host.store, group=0)
