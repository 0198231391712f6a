"""Attributes that are lists of flat objects (R46), and their limits (R57)."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.domain import (
    Installation,
    InvalidValue,
    LimitExceeded,
    Person,
    PersonUpdated,
    differing,
    installation_terms,
    limits,
    person_terms,
    values,
)
from addressee.domain.values import FlatObject

CART = [{"product": "shoes", "price": 12.5, "sizes": 2, "gift": True, "on": "2026-01-02"}]


def test_R46_a_list_of_flat_objects_is_an_attribute() -> None:
    given = {"cart": [{**CART[0], "on": date(2026, 1, 2)}], "empty": [], "blank": [{}]}
    kept = values.attributes("attributes", given)
    assert json.loads(json.dumps(kept)) == {"cart": CART, "empty": [], "blank": [{}]}


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ([1], "attributes.n[0]"),
        ([{}, "x"], "attributes.n[1]"),
        ([{"a": None}], "attributes.n[0].a"),
        ([{"a": [1]}], "attributes.n[0].a"),
        ([{"a": {}}], "attributes.n[0].a"),
        ([{5: 1}], "attributes.n[0] name"),
        ([{"": 1}], "attributes.n[0] name"),
        ([{"a": float("nan")}], "attributes.n[0].a"),
        ([{"a": "\0"}], "attributes.n[0].a"),
        ({"a": 1}, "attributes.n"),
        ({1, 2}, "attributes.n"),
    ],
)
def test_R46_what_is_no_list_of_flat_objects_is_refused_with_its_place(
    odd: object, field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        values.attributes("attributes", {"n": odd})
    assert refused.value.field == field


def test_R46_a_list_has_at_most_4096_characters_as_json() -> None:
    frame = len('[{"a":""}]')
    for text in ("x" * (limits.TEXT - frame), "ž" * (limits.TEXT - frame)):
        values.attributes("attributes", {"n": [{"a": text}]})
        with pytest.raises(LimitExceeded) as refused:
            values.attributes("attributes", {"n": [{"a": f"{text}x"}]})
        assert (refused.value.field, refused.value.limit) == ("attributes.n", limits.TEXT)
        assert refused.value.given == limits.TEXT + 1
    wide: dict[str, int] = dict.fromkeys(map(str, range(100_000)), 0)
    for odd in ([wide], [dict[str, int]()] * 2_000_000):
        with pytest.raises(LimitExceeded):
            values.attributes("attributes", {"n": odd})


def test_R46_lists_are_sized_exactly_as_json() -> None:
    many = [{"a": n, "b": "x\n"} for n in range(100)]
    size = len(json.dumps(many, separators=(",", ":")))
    pad = [{"c": "y" * (limits.TEXT - size - len(',{"c":""}'))}]
    values.attributes("attributes", {"n": many + pad})
    pad[0]["c"] += "y"
    with pytest.raises(LimitExceeded) as refused:
        values.attributes("attributes", {"n": many + pad})
    assert refused.value.given == limits.TEXT + 1


def test_R49_an_objects_fields_never_change() -> None:
    cart: Any = values.attributes("attributes", {"cart": CART})["cart"]
    changes: tuple[Callable[[Any], object], ...] = (
        lambda item: item.update(price=1),
        lambda item: item.clear(),
        lambda item: item.pop("price"),
        lambda item: item.popitem(),
        lambda item: item.setdefault("x", 1),
        lambda item: item.__setitem__("x", 1),
        lambda item: item.__delitem__("price"),
        lambda item: item.__ior__({"x": 1}),
    )
    for change in changes:
        with pytest.raises(TypeError, match="immutable"):
            change(cart[0])
    for twin in (copy.deepcopy(cart), copy.copy(cart), pickle.loads(pickle.dumps(cart))):  # noqa: S301 # our own bytes
        assert twin == cart == tuple(CART)
        assert type(twin[0]) is type(cart[0])


def test_R30_events_with_lists_are_stored_and_read_and_older_ones_still() -> None:
    mapper = EventMapper()
    kept = values.attributes("attributes", {"cart": CART, "n": 1, "gone": None})
    at = datetime(2026, 11, 23, tzinfo=UTC)
    event = PersonUpdated(timestamp=at, actor="device", attributes=kept)
    read = mapper.to_domain_event(mapper.to_stored_event(event))
    assert isinstance(read, PersonUpdated)
    assert read.attributes == kept
    assert [type(read.attributes["cart"]), type(read.attributes["n"])] == [tuple, int]
    cart: Any = read.attributes["cart"]
    whole: dict[str, Any] = {**read.attributes}
    for frozen in (cart[0], read.attributes, event.attributes):
        with pytest.raises(TypeError, match="immutable"):
            frozen["x"] = 1
    assert read.attributes == whole
    older = '{"timestamp":"2026-11-23T00:00:00Z","actor":"device","attributes":'
    older += '{"a":1,"b":1.0,"c":true,"d":null}}'
    old = mapper.event("person:x", 1, PersonUpdated.TOPIC, older.encode())
    assert isinstance(old, PersonUpdated)
    assert [type(value) for value in old.attributes.values()] == [int, float, bool, type(None)]


def test_R46_a_list_makes_no_term() -> None:
    person, device = Person("p"), Installation("i")
    person.attributes = {"cart": (FlatObject(a=1),), "plan": "gold"}
    device.attributes = {"cart": (FlatObject(a=1),)}
    device.version = 1
    indexed = {"attr.cart", "attr.plan", "iattr.cart"}
    assert person_terms(person, indexed) == {"type:lead", "attr.plan:gold"}
    assert installation_terms(device, indexed) == {"all", "reachable"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0, False),
        ("1", 1),
        ([{"a": 1}], [{"a": True}]),
        ([{"a": 1}], [{"a": 1.0}]),
    ],
)
def test_D13_values_that_python_holds_for_equal_are_a_change(one: object, other: object) -> None:
    was, now = (values.attributes("attributes", {"n": each}) for each in (one, other))
    assert differing(was, now) == now  # type: ignore[type-var] # nothing is removed
    assert differing(was, was) == {}  # type: ignore[type-var] # likewise


def test_R57_attributes_and_tags_are_counted_before_they_are_read() -> None:
    many = dict.fromkeys(map(str, range(limits.ATTRIBUTES_PER_COMMAND + 1)), object())
    with pytest.raises(LimitExceeded) as refused:
        values.attributes("attributes", many)
    assert refused.value.given == limits.ATTRIBUTES_PER_COMMAND + 1
    for names in ([object()] * 10_001, (object() for _ in range(10**12))):
        with pytest.raises(LimitExceeded) as refused:
            values.tags("tags", names)
        assert (refused.value.field, refused.value.given) == ("tags", 10_001)
