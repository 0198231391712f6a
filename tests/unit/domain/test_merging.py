"""Whether persons can be merged, by their state alone."""

from __future__ import annotations

from datetime import UTC, datetime

from addressee.domain import Occasion, Person, seen_as_one
from addressee.domain.aggregates.merging import refusal_of


def test_R52_nobody_is_merged_with_persons_of_whom_one_is_erased() -> None:
    ali, bea, carl = (Person(name).draft() for name in ("ali", "bea", "carl"))
    assert refusal_of(seen_as_one([ali, bea]), carl, None) is None
    bea.request_erasure(Occasion(datetime.now(UTC), "backend"), ())
    assert refusal_of(seen_as_one([ali, bea]), carl, None) == "erased"
    assert refusal_of(carl, seen_as_one([ali, bea]), None) == "erased"
