"""A ledger folded page by page, wherever the pages end, gives what was live (R37)."""

from __future__ import annotations

import random

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import (
    Identity,
    Personalization,
    ReadModels,
    Replay,
    bulk,
    whole_length,
    whole_page,
)
from addressee.application.ledger.verify import differences
from addressee.application.read_models.ledger_page_end import WINDOW
from addressee.application.read_models.replay import CACHE_BYTES
from tests.contract.audiences.oracle import Life


@pytest.mark.parametrize(
    "seed", [*range(5), *(pytest.param(n, marks=pytest.mark.every_case) for n in range(5, 20))]
)
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_R37_pages_may_end_anywhere(seed: int, limit: int) -> None:
    store = MemoryStore(indexed_attributes=("attr.plan",))
    life = Life(random.Random(seed), "shop")  # noqa: S311 # a life that can be had again
    people = Personalization(store)
    for _ in range(4):
        bulk(people, [life.step() for _ in range(10)])
    with store.auditing() as audit:
        for kept in (CACHE_BYTES, 2_000):
            replay, rebuilt = (
                Replay(store.indexed_attributes, store.identifier_key, cache_bytes=kept),
                ReadModels(),
            )
            while page := whole_page(audit.events, replay.position, limit):
                rebuilt.apply(replay.changes(page, audit))
            assert list(differences(rebuilt, audit)) == []


def test_a_page_ends_where_nothing_is_half_there() -> None:
    store = MemoryStore()
    people = Personalization(store)
    people.register("shop", installation="a")
    people.personalize("a", Identity(external_id="ali"))
    people.depersonalize("a")
    with store.reading() as reader:
        page = reader.events(0, 100)
    names = [type(event).__name__ for _, event in page]
    lengths = [whole_length(page[:length]) for length in range(len(page) + 1)]
    for length, whole in enumerate(lengths):
        seen = names[:whole]
        assert whole <= length
        assert seen.count("DevicePersonalized") in {0, 2}
        assert seen.count("DeviceDepersonalized") in {0, 2}
    assert lengths[-1] == len(page)


def test_a_half_that_lost_the_other_is_not_waited_for() -> None:
    store = MemoryStore()
    people = Personalization(store)
    people.register("shop", installation="a")
    people.personalize("a", Identity(external_id="ali"))
    with store.reading() as reader:
        page = [*reader.events(0, 100)]
    kinds = [type(event).__name__ for _, event in page]
    lost = len(kinds) - 1 - kinds[::-1].index("DevicePersonalized")
    del page[lost]
    assert whole_length(page) < len(page)
    for n in range(WINDOW):
        people.register("shop", installation=f"b{n}")
    with store.reading() as reader:
        page += reader.events(page[-1].position, 2 * WINDOW)
    assert whole_length(page) == len(page)
