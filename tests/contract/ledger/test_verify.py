"""A check of a whole store: while all is well, nothing is found (R37)."""

from __future__ import annotations

import random

import pytest

from addressee.application import AuditableStore, Personalization, Store, bulk, verify
from addressee.domain import AddresseeError
from tests.contract.audiences.oracle import Life


@pytest.mark.parametrize("seed", range(5))
def test_R37_a_store_that_lived_is_whole(store: Store, seed: int) -> None:
    assert isinstance(store, AuditableStore)
    life = Life(random.Random(seed), "shop")  # noqa: S311 # a life that can be had again
    people = Personalization(store)
    for _ in range(6):
        answers = bulk(people, [life.step() for _ in range(10)])
        assert not [answer for answer in answers if isinstance(answer, AddresseeError)]
        found = verify(store, page=7)
        assert found.differences == ()
        with store.reading() as reader:
            assert found.events == len(reader.events(0, 10_000))
