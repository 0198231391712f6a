"""What every value must pass (R4)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from addressee.domain import InvalidValue, LimitExceeded, values


@pytest.mark.parametrize(
    ("name", "size"),
    [("first_name", 255), ("last_name", 255), ("middle_name", 50), ("anything_else", 4096)],
)
def test_R4_attributes_have_limits_that_the_error_names(name: str, size: int) -> None:
    values.attributes("attributes", {name: "x" * size}, values.PERSON_ATTRIBUTE_LIMITS)
    with pytest.raises(LimitExceeded) as refused:
        values.attributes("attributes", {name: "x" * (size + 1)}, values.PERSON_ATTRIBUTE_LIMITS)
    error = refused.value
    assert (error.field, error.limit, error.given) == (f"attributes.{name}", size, size + 1)


@pytest.mark.parametrize(
    "value", [[], {}, float("nan"), float("inf"), 2**63, b"x", object(), "a\0b", "\udfff"]
)
def test_R4_what_is_no_scalar_is_refused(value: object) -> None:
    with pytest.raises(InvalidValue):
        values.attributes("attributes", {"n": value})


def test_R15_scalars_dates_and_none_are_taken_as_they_are() -> None:
    given = {"s": "x", "i": -(2**63), "f": 1.5, "b": True, "gone": None, "d": date(2026, 1, 2)}
    assert values.attributes("attributes", given) == {**given, "d": "2026-01-02"}
    assert values.attributes("attributes", None) == {}


def test_R4_a_birthday_is_a_day() -> None:
    limits = values.PERSON_ATTRIBUTE_LIMITS
    assert values.attributes("a", {"birthday": "1988-07-31"}, limits) == {"birthday": "1988-07-31"}
    for wrong in ("31.7.1988", "1988-13-01", 5):
        with pytest.raises(InvalidValue):
            values.attributes("a", {"birthday": wrong}, limits)


@pytest.mark.parametrize("wrong", ["", "a b", "tab\t", "x" * 257, 5, None, "nul\0"])
def test_R6_ids_are_short_and_printable(wrong: object) -> None:
    with pytest.raises(InvalidValue):
        values.identifier("installation", wrong)


@pytest.mark.parametrize("wrong", ["vip", {"vip": 1}, 5, [""], ["x" * 257], [5]])
def test_R4_tags_are_a_list_of_names(wrong: object) -> None:
    with pytest.raises(InvalidValue):
        values.tags("tags", wrong)


def test_R36_a_moment_knows_its_zone() -> None:
    with pytest.raises(InvalidValue):
        values.moment("at", datetime(2026, 1, 1))  # noqa: DTZ001 # wrong on purpose
    assert values.moment("at", datetime(2026, 1, 1, tzinfo=UTC)).year == 2026
    with pytest.raises(InvalidValue):
        values.moment("at", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=10))))
