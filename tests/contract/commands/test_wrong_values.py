"""Whatever a caller passes, only typed errors come back: every call of the face, odd values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addressee.adapters.memory import MemoryStore
from addressee.application import (
    History,
    Identity,
    Personalization,
    Profiles,
    SessionPolicy,
    Store,
    Targeting,
    bulk,
    together,
    verify,
)
from addressee.application.commands import Reported
from addressee.application.unit_of_work.command_context import Context
from addressee.domain import AddresseeError, DeviceCap, MobileApp
from tests.contract.conftest import Host

MANY, SOME, FEW = 300, 25, 5
"""Rounds; a database has few by default: what is wrong seldom gets so far."""
SLOW_OR_SHARED = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
ODD_TEXT = st.one_of(
    # by category: what UTF-8 has is found by encoding each, in eight seconds of every new clone
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(
        [
            "",
            " ",
            "\0",
            "\ud800",
            "a\udfff",
            "x" * 5_000,
            "é",
            "e\u0301",
            "😀" * 300,
            "null",
            "\u200b",
        ]
    ),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 2**31, 2**63, -(2**63) - 1, 10**400]),
    st.sampled_from([0.0, float("nan"), float("inf"), 5e-324, 1.7e308]),
    ODD_TEXT,
    st.binary(max_size=4),
    st.sampled_from([
        object(), datetime(2026, 1, 1), datetime.max, datetime.min.replace(tzinfo=UTC),  # noqa: DTZ001, DTZ901 # wrong on purpose
        date(2026, 1, 1), timedelta(1), Identity, 1j, ..., range(3), print,
    ]),
)  # fmt: skip
Junk: TypeAlias = Any
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(ODD_TEXT, inner, max_size=3),
        st.tuples(inner),
        st.frozensets(ODD_TEXT, max_size=3),
        st.builds(iter, st.lists(inner, max_size=2)),
    ),
    max_leaves=4,
)
GOOD: Mapping[str, st.SearchStrategy[Any]] = {
    "application": st.just("shop"),
    "installation": st.sampled_from(["a", "b", "gone", "never"]),
    "by": st.sampled_from(["a", "b"]),
    "after": st.sampled_from(["a", "b"]),
    "person": st.just("ali"),
    "of": st.just("ali"),
    "identity": st.sampled_from([Identity("ali"), Identity(emails=["a@x.com"])]),
    "expression": st.sampled_from(["all", "tag:vip", "segment:s"]),
    "name": st.just("s"),
    "reason": st.sampled_from(["logout", "unregistered"]),
    "kind": st.sampled_from(["email", "external_id"]),
    "value": st.just("a@x.com"),
    "actor": st.just("device"),
    "moment": st.sampled_from([0, 1, datetime(2026, 11, 23, 9, tzinfo=UTC)]),
    "at": st.just(datetime(2026, 11, 23, 8, tzinfo=UTC)),
}
"""Values that reach what lies behind the checks of one argument, for junk in the others."""
IGNORED = {"self", "progress", "options", "context"}
WITH_REPORT = {"register", "update_installation"}
CONTEXT = [name for name in Context.__annotations__ if name != "transaction"]


def commands() -> Iterator[tuple[str, list[str]]]:
    for name, method in inspect.getmembers(Personalization, inspect.isfunction):
        if not name.startswith("_") and name not in {"run", "subscribe"}:
            names = arguments(method)
            if name != "expire_sessions":
                names += [*CONTEXT, "transaction"]
            yield name, names + (list(Reported.__annotations__) if name in WITH_REPORT else [])


def queries(face: type[Any]) -> list[tuple[str, list[str]]]:
    return [
        (name, arguments(method))
        for name, method in inspect.getmembers(face, inspect.isfunction)
        if not name.startswith("_")
    ]


def arguments(method: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(method).parameters if name not in IGNORED]


CALLS = [
    *((Personalization, *each) for each in commands()),
    *((face, *each) for face in (Targeting, History, Profiles) for each in queries(face)),
]


@pytest.fixture
def lived_in(host: Host) -> Host:
    """Return a host with something to find."""
    for name in ("a", "b", "gone"):
        host.device(name)
    host.people.expire("gone", "unregistered")
    host.people.personalize("a", Identity("ali", emails=["a@x.com"]), tags={"vip"})
    host.people.define_segment("shop", "s", "tag:vip")
    return host


def needed(face: type[Any], name: str) -> set[str]:
    parameters = inspect.signature(getattr(face, name)).parameters.values()
    return {p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}


def only_typed_errors(call: Callable[[], object]) -> None:
    try:
        answer = call()
        if isinstance(answer, Iterator):
            list(answer)
    except AddresseeError as error:
        str(error).encode()


def test_the_list_has_every_call() -> None:
    names = {name for _, name, _ in CALLS}
    assert {"personalize", "expire_sessions", "targets", "as_of", "who", "find"} <= names
    assert all(names for _, _, names in CALLS)


@pytest.mark.parametrize("face", [Personalization, Targeting, History, Profiles])
def test_wrong_values_give_typed_errors(lived_in: Host, face: type[Any], *, long: bool) -> None:
    rounds = MANY if long else SOME if isinstance(lived_in.store, MemoryStore) else FEW

    @settings(max_examples=rounds, suppress_health_check=SLOW_OR_SHARED)
    @given(data=st.data())
    def call_wrongly(data: st.DataObject) -> None:
        call_with_wrong_values(lived_in, face, data)

    call_wrongly()


def call_with_wrong_values(lived_in: Host, face: type[Any], data: st.DataObject) -> None:
    _, name, takes = data.draw(st.sampled_from([each for each in CALLS if each[0] is face]))
    required = needed(face, name) & set(takes)
    given_names = sorted(required | data.draw(st.sets(st.sampled_from(takes), max_size=4)))
    values = {
        each: data.draw(st.one_of(GOOD[each], JUNK) if each in GOOD else JUNK, label=each)
        for each in given_names
    }
    target = lived_in.people if face is Personalization else face(lived_in.store)
    only_typed_errors(lambda: getattr(target, name)(**values))


@settings(deadline=None)
@given(JUNK, JUNK, JUNK)
def test_an_identity_is_made_or_refused(external_id: Junk, msisdns: Junk, emails: Junk) -> None:
    only_typed_errors(lambda: Identity(external_id, msisdns, emails))
    only_typed_errors(lambda: Identity.model_validate({"external_id": external_id}))


@settings(deadline=None)
@given(JUNK, JUNK)
def test_policies_are_made_or_refused(one: Junk, two: Junk) -> None:
    only_typed_errors(lambda: DeviceCap(one, two))
    only_typed_errors(lambda: SessionPolicy(one))
    only_typed_errors(lambda: MobileApp.of(one, {"contacts": two, "user_data": one}))


@settings(suppress_health_check=SLOW_OR_SHARED)
@given(JUNK)
def test_configuration_is_taken_or_refused(store: Store, junk: Junk) -> None:
    for option in (
        "sessions", "device_caps", "strict", "successor", "attempts", "cache_bytes", "clock_ahead",
    ):  # fmt: skip
        only_typed_errors(partial(Personalization, store, **{option: junk}))


@settings(suppress_health_check=SLOW_OR_SHARED)
@given(JUNK)
def test_bulk_takes_calls_alone(lived_in: Host, junk: Junk) -> None:
    only_typed_errors(lambda: bulk(lived_in.people, junk))
    only_typed_errors(lambda: bulk(lived_in.people, [junk]))
    only_typed_errors(lambda: bulk(lived_in.people, [lambda _: junk]))
    only_typed_errors(lambda: bulk(lived_in.people, [together([lambda _: junk])]))


def test_a_call_of_a_bulk_can_t_use_the_answer_of_another(lived_in: Host) -> None:
    [refused] = bulk(
        lived_in.people,
        [lambda p: p.personalize(p.register("shop").installation, Identity("bea"))],
    )
    assert isinstance(refused, AddresseeError)
    assert lived_in.found("external_id:bea") == []
    assert verify(lived_in.store).differences == ()  # type: ignore[arg-type] # each can be audited
