"""Whatever a caller gives, the domain's constructors and checks raise typed errors only (N6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addressee.adapters.serialization.json_commands import call_of
from addressee.domain import (
    FACTS,
    AddresseeError,
    And,
    DepersonalizeReason,
    DeviceCap,
    Identity,
    InvalidValue,
    Limits,
    MobileApp,
    Not,
    Or,
    SessionPolicy,
    Term,
    as_expression,
    check_names_somebody,
    check_possible,
    identifier_of,
    limits,
    values,
)
from addressee.domain.audiences.expression import attr, tag, term

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text(st.characters(categories=["Cs", "Cf", "Cc", "Zs", "Nd"]), max_size=8),
    st.sampled_from(["", "\0", "\ud800", "x" * 5_000, "+385991111666", "a@x.com", "2026-01-02"]),
)
LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(2**63) - 1, float("nan"), float("inf"), 1e308, 5e-324]),
    st.floats(),
    TEXTS,
    st.binary(max_size=4),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.timedeltas(),
    st.sampled_from([object(), object, len, ..., 1j, date.min, date.max, timedelta.max]),
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(TEXTS | st.integers() | st.none(), inner, max_size=4),
        st.lists(TEXTS, max_size=3).map(frozenset),
        st.lists(inner, max_size=3).map(iter),
    ),
    max_leaves=8,
)
CHECKS: Mapping[str, Callable[[Any], object]] = {
    "text": lambda odd: values.text("f", odd, 256),
    "identifier": lambda odd: values.identifier("f", odd),
    "push_token": lambda odd: values.push_token("f", odd, 4096),
    "flag": lambda odd: values.flag("f", odd),
    "tags": lambda odd: values.tags("f", odd),
    "attributes": lambda odd: values.attributes("f", odd, values.PERSON_ATTRIBUTE_LIMITS),
    "attribute": lambda odd: values.attributes("f", {"birthday": odd, "n": odd}),
    "birthday": lambda odd: values.attributes("f", {"birthday": odd}, {"birthday": 10}),
    "choice": lambda odd: values.choice("f", odd, DepersonalizeReason),
    "moment": lambda odd: values.moment("f", odd),
    "items": lambda odd: values.items("f", odd, 3),
    "external_id": lambda odd: Identity(external_id=odd),
    "msisdns": lambda odd: Identity(msisdns=odd),
    "msisdn": lambda odd: Identity(msisdns=[odd]),
    "emails": lambda odd: Identity(emails=odd),
    "email": lambda odd: Identity(emails=[odd]),
    "identity": Identity.model_validate,
    "unknown": lambda odd: Identity(x=odd),
    "kind": lambda odd: identifier_of(odd, "x"),
    "of a kind": lambda odd: [identifier_of(kind, odd) for kind in ("email", "msisdn")],
    "field": lambda odd: term(odd, "x"),
    "term": lambda odd: [term(field, odd) for field in ("os", "type", "installation", "email")],
    "tag": tag,
    "attr": lambda odd: [attr(str(odd), "x"), attr("plan", odd)],
    "expression": as_expression,
    "parts": lambda odd: as_expression(And(odd)),
    "part": lambda odd: as_expression(Not(Or((odd, Term("tag", odd))))),
    "code": lambda odd: MobileApp(code=odd),
    "settings": lambda odd: MobileApp.of("shop", odd),
    "setting": lambda odd: [MobileApp.of("shop", {name: odd}) for name in MobileApp.model_fields],
    "keys": lambda odd: MobileApp.of("shop", {"jwt_keys": {"main": odd}}),
    "idle": SessionPolicy,
    "cap": DeviceCap,
    "over": lambda odd: DeviceCap(1, odd),
    "limits": lambda odd: Limits(attributes=odd),
    "command": lambda odd: call_of({"command": odd}),
    "arguments": lambda odd: call_of({"command": "personalize", "at": odd, "identity": odd}),
}


def refusal_of(check: Callable[[], object]) -> str:
    """Return the text of a typed error, or nothing; any other error fails the test."""
    try:
        check()
    except AddresseeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", CHECKS)
def test_N6_only_typed_errors(name: str, *, long: bool) -> None:
    @settings(max_examples=300 if long else 25, deadline=None)
    @given(ANYTHING)
    def check(odd: object) -> None:
        refusal = refusal_of(lambda: CHECKS[name](odd))
        assert len(refusal) < 10_000

    check()


@settings(deadline=None)
@given(TEXTS)
def test_N6_texts_are_judged_with_typed_errors(odd: str) -> None:
    for check in (
        lambda: check_possible(odd, "f"),
        lambda: check_names_somebody(odd, limits.DEFAULT.none_ids),
        lambda: as_expression(f"tag:{odd}"),
        lambda: as_expression(f'tag:"{odd}"'),
        lambda: as_expression(f"attr.{odd}:x"),
    ):
        assert refusal_of(check) != "None"


def test_N6_an_error_names_the_field() -> None:
    for odd, field in (
        (lambda: SessionPolicy(30), "idle"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        (lambda: DeviceCap("1"), "most"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        (lambda: DeviceCap(1, "drop"), "over"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        (lambda: Limits(tags=True), "tags"),
        (lambda: Limits(tagging=-1), "tagging"),
        (lambda: Limits(terms=limits.TERMS + 1), "terms"),
        (lambda: MobileApp.of("shop", {"level_limit": 201}), "level_limit"),
        (lambda: MobileApp.of("shop", cast("Any", 5)), "settings"),
        (lambda: MobileApp.of("shop", {"tag_limit": 5}), "tag_limit"),
        (lambda: MobileApp.of("shop", {"none_ids": "guest"}), "none_ids"),
        (lambda: term(cast("Any", []), "x"), "field"),
        (lambda: identifier_of(cast("Any", []), "x"), "kind"),
    ):
        with pytest.raises(InvalidValue) as refused:
            odd()
        assert refused.value.field == field


def test_R4_every_fact_says_its_limit() -> None:
    assert all(0 < limit <= limits.TEXT for limit in FACTS.values())
