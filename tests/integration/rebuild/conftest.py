"""A store, and what happens in it."""

from __future__ import annotations

import random
from collections.abc import Generator

import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import Personalization, bulk
from addressee.domain import AddresseeError
from tests.contract.audiences.oracle import Life

INDEXED = ("attr.plan",)


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url, indexed_attributes=INDEXED) as store:
        yield store


def live(store: SqlStore, seed: int, steps: int = 60) -> Life:
    life = Life(random.Random(seed), f"app{seed}")  # noqa: S311 # a life that can be had again
    people = Personalization(store)
    for _ in range(steps // 10):
        answers = bulk(people, [life.step() for _ in range(10)])
        assert not [answer for answer in answers if isinstance(answer, AddresseeError)]
    return life
