"""What every value must pass (R4)."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.adapters.serialization.json_commands import call_of
from addressee.application import Personalization
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
    "value", [{}, float("nan"), float("inf"), 2**63, b"x", object(), "a\0b", "\udfff"]
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
    assert (
        values.attributes("a", {"birthday": date(1988, 7, 31)}, limits)["birthday"] == "1988-07-31"
    )
    for wrong in ("31.7.1988", "1988-13-01", "19880731", "1988-W30", "1988-W30-7", "1988W30",
                  "1988-213", "1988-7-31", "\uff11988-07-31", "1988-07-31\n", "", 5):  # fmt: skip
        with pytest.raises(InvalidValue):
            values.attributes("a", {"birthday": wrong}, limits)
    with pytest.raises(InvalidValue, match="date without a time"):
        values.attributes("a", {"birthday": datetime(1988, 7, 31, tzinfo=UTC)}, limits)


@pytest.mark.parametrize("wrong", ["", "a b", "tab\t", "x" * 257, 5, None, "nul\0"])
def test_R6_ids_are_short_and_printable(wrong: object) -> None:
    with pytest.raises(InvalidValue):
        values.identifier("installation", wrong)


@pytest.mark.parametrize("wrong", ["vip", {"vip": 1}, 5, [""], ["x" * 257], [5]])
def test_R4_tags_are_a_list_of_names(wrong: object) -> None:
    with pytest.raises(InvalidValue):
        values.tags("tags", wrong)


@pytest.mark.parametrize(
    "odd",
    ["", " t", "t ", "a b", "t\n", "t\u200b", "\ufefft", "t\u00a0", "\u202et", "t\0", 5, None],
)
def test_R7_a_push_token_has_no_white_space_and_nothing_invisible(odd: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        values.push_token("push_token", odd, 4096)
    assert refused.value.field == "push_token"
    token = "d-1:APA91b_x/y+z="
    assert values.push_token("push_token", token, 4096) == token


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_J2_text_without_a_zone_is_utc_wherever_the_host_is(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
        for text in ("2026-11-23T12:00", "2026-11-23T12:00:00Z", "2026-11-23t12:00z",
                     "2026-11-23T21:00+09:00", "2026-11-23 07:00-05:00"):  # fmt: skip
            assert values.moment("at", text) == noon
        _, call = call_of({"command": "touch", "installation": "a", "at": "2026-11-23T12:00"})
        host = Personalization(MemoryStore(), clock=lambda: noon)
        host.register("shop", installation="a")
        call(host)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "odd", ["20261123", "1", "-5", "", "noon", "2026-11-23T24:30", "2026-13-01", "x" * 10**6,
            1764000000, 1.5, True, None, date(2026, 1, 1), "\uff12026-11-23",
            "0001-01-01T00:00+10:00"]
)  # fmt: skip
def test_R36_what_is_no_moment_is_refused(odd: object) -> None:
    with pytest.raises(InvalidValue, match="at should be a time such as"):
        values.moment("at", odd)


def test_R36_a_moment_knows_its_zone() -> None:
    with pytest.raises(InvalidValue):
        values.moment("at", datetime(2026, 1, 1))  # noqa: DTZ001 # wrong on purpose
    assert values.moment("at", datetime(2026, 1, 1, tzinfo=UTC)).year == 2026
    with pytest.raises(InvalidValue):
        values.moment("at", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=10))))
