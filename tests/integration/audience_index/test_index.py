"""The audience index in a database: loading, compaction, what is kept in memory (R19, R37)."""

from __future__ import annotations

import random
import zlib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, update

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.audience_index.generation_cache import GenerationCache
from addressee.adapters.sql.schema.read_model_tables import GENERATION
from addressee.application import (
    Identity,
    Personalization,
    Registered,
    Targeting,
    bulk,
    verify,
)
from addressee.domain import StoreDamaged
from tests.benchmarks.reading.population import APPLICATION, KEY, Population

QUESTIONS = (
    "all",
    "tag:huge and primary and not (tag:t20 or os:ios)",
    "tag:rare",
    "not type:customer",
    "tag:seg-7 or tag:seg-1999 or external_id:p17",
)


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url, identifier_key=KEY) as store:
        yield store


def registered(name: str, people: Personalization) -> Registered:
    return people.register("shop", installation=name, os="ios")


def answers(store: SqlStore) -> list[list[str]]:
    reach = Targeting(store)
    return [list(reach.targets(APPLICATION, question)) for question in QUESTIONS]


def test_R37_an_index_that_is_loaded_equals_one_that_was_written_live(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addressee.adapters.sql.bulk_load.index_loader.FOLD_AT", 5_000)
    population = Population(2_000)
    with store.loading() as loading:
        for changes in population.changes(page=300):
            loading.load(changes)
    with SqlStore(f"sqlite:///{tmp_path}/live.db", identifier_key=KEY) as live:
        with live.writing() as transaction:
            for changes in population.changes(page=700):
                transaction.append((), changes)
        assert answers(store) == answers(live)
    assert store.compact() == 0, "a load leaves nothing to fold"
    Personalization(store).register(APPLICATION, installation="later")
    assert answers(store)[0][-1] == "later"


@pytest.mark.parametrize("checksum_is_right", [True, False])
def test_R37_a_chunk_that_is_damaged_is_a_typed_error(
    store: SqlStore, *, checksum_is_right: bool
) -> None:
    people, chunk = Personalization(store), store.parts.prepared.schema.chunk
    bulk(people, [partial(registered, f"d{n}") for n in range(100)])
    store.compact()
    written = chunk.c.term != GENERATION
    with store.database.reading() as connection:
        data: bytes = connection.execute(select(chunk.c.data).where(written).limit(1)).scalar_one()
    chance = random.Random(3)  # noqa: S311 # the same damage each time
    for size in (0, 1, 7, len(data) - 1, len(data), len(data)):
        damaged = bytearray(data[:size])
        for place in range(0, size, 5):
            damaged[place] = chance.randrange(256)
        checksum = zlib.crc32(damaged) if checksum_is_right else zlib.crc32(damaged) ^ 1
        with store.database.writing() as connection:
            values = {"data": bytes(damaged), "checksum": checksum}
            connection.execute(update(chunk).where(written).values(values))
        says = "holds no bitmap" if checksum_is_right else "wrong checksum"
        with SqlStore(store.database.engine) as other:
            with pytest.raises(StoreDamaged, match=says):
                Targeting(other).count("shop", "os:ios")
            assert {d.place for d in verify(other).differences} == {"term"}


def test_R19_what_is_kept_in_memory_is_never_old(store: SqlStore) -> None:
    people, other = Personalization(store), SqlStore(store.database.engine)
    reach = Targeting(other)
    for n in range(6):
        people.register("shop", installation=f"d{n}", os="ios")
        people.personalize(f"d{n}", Identity(external_id="ali"), tags={"vip"})
        if n % 2:
            assert store.compact() > 0
        assert reach.count("shop", "tag:vip and os:ios") == n + 1
    for n in range(6):
        people.depersonalize(f"d{n}")
        if n % 3:
            store.compact()
        assert reach.count("shop", "tag:vip and os:ios") == 5 - n
    assert reach.count("shop", "os:ios and not tag:vip") == 6
    other.close()


def test_compaction_from_several_sides_folds_each_change_once(
    store: SqlStore, *, long: bool
) -> None:
    each = 25 if long else 12

    def work(worker: int) -> int:
        people, folded = Personalization(store), 0
        for n in range(each):
            people.register("shop", installation=f"{worker}-{n}")
            if n % 4 == 0:
                folded += store.compact()
        return folded

    with ThreadPoolExecutor(6) as pool:
        folded = sum(pool.map(work, range(6))) + store.compact()
    assert folded == 6 * each * 2, "each registration brings two terms"
    assert store.compact() == 0
    assert Targeting(store).count("shop", "all") == 6 * each


def test_what_is_kept_in_memory_is_bounded_and_of_one_generation() -> None:
    warm = GenerationCache(limit=100)
    one = warm.of(b"one")
    for n in range(5):
        one.put(n, f"value {n}", 40)
    assert warm.of(b"one") is one
    assert [one.get(n) for n in range(5)] == [None, None, None, "value 3", "value 4"]
    two = warm.of(b"two")
    assert two.get(4) is None
    one.put(9, "of before", 1)
    assert two.get(9) is None
    assert warm.of(b"one").get(4) is None


def test_ids_are_kept_of_a_generation_and_read_where_they_are_missing(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addressee.adapters.sql.audience_index.generation_cache.IDS", 8)
    people, reach = Personalization(store), Targeting(store)
    for n in range(6):
        people.register("shop", installation=f"d{n}", os="ios" if n % 2 else "android")
    names = [f"d{n}" for n in range(6)]
    for _ in range(2):
        assert list(reach.targets("shop", "os:ios")) == names[1::2]
        assert list(reach.targets("shop", "all")) == names
    store.compact()
    for n in range(6, 12):
        people.register("shop", installation=f"d{n}")
        names.append(f"d{n}")
        assert list(reach.targets("shop", "all")) == names
