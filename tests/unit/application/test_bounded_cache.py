"""What stays in memory is bounded by bytes, whatever callers send (R57)."""

from __future__ import annotations

import gc
import os
import signal
import tracemalloc
from collections.abc import Callable

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import Identity, Personalization
from addressee.application.caching.bounded_cache import BoundedCache, size_of
from addressee.application.unit_of_work.aggregate_cache import AggregateCache, Seen
from addressee.domain import Aggregate, Installation, LimitExceeded, Person, Segment, limits
from addressee.domain.person_identifiers import Identifier
from addressee.domain.values import FlatObject

MEGABYTE = 1 << 20


def with_texts(n: int) -> Aggregate:
    made = Installation(f"i{n}")
    made.attributes = {f"name {k}": f"{n} {k}".ljust(limits.TEXT) for k in range(256)}
    return made


def with_wide_texts(n: int) -> Aggregate:
    made = Installation(f"i{n}")
    made.attributes = {f"name {k}": f"{n} {k}".ljust(limits.TEXT, "\U0001f600") for k in range(64)}
    return made


def with_objects(n: int) -> Aggregate:
    made = Person(f"p{n}")
    made.attributes = {
        f"cart {k}": tuple(FlatObject({f"a{j}": j + 0.5}) for j in range(300)) for k in range(8)
    }
    return made


def with_identifiers(n: int) -> Aggregate:
    made = Person(f"p{n}")
    made.identifiers = {Identifier("email", f"{k}@{n}".rjust(255, "a")): None for k in range(100)}
    made.devices = {f"device {n} {k}": "shop" for k in range(5_000)}
    made.tags = {f"tag {n} {k}" for k in range(1_000)}
    return made


def with_expression(n: int) -> Aggregate:
    made = Segment(f"shop:{n}")
    made.expression = f"tag:{n}".ljust(limits.EXPRESSION // 4)
    return made


FULL = (with_texts, with_wide_texts, with_objects, with_identifiers, with_expression)


@pytest.mark.parametrize("make", FULL)
def test_R57_the_size_of_an_aggregate_is_about_what_it_takes(
    make: Callable[[int], Aggregate],
) -> None:
    tracemalloc.start()
    made = [make(n) for n in range(4)]
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken / 2 < sum(map(size_of, made)) < taken * 2


@pytest.mark.parametrize("make", FULL)
def test_R57_aggregates_in_memory_are_bounded_by_bytes(make: Callable[[int], Aggregate]) -> None:
    limit = 2 * MEGABYTE
    cache = AggregateCache(limit)
    one = size_of(make(0))
    tracemalloc.start()
    for n in range(2 * limit // one):
        cache.put(Seen(make(n), 1))
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert limit / 4 < taken < limit * 2


def test_the_least_recently_used_value_goes_first() -> None:
    cache = BoundedCache[str, str](100)
    for name in "abc":
        cache.put(name, name, 30)
    assert cache.get("a") == "a"
    cache.put("d", "d", 40)
    assert [cache.get(name) for name in "abcd"] == ["a", None, "c", "d"]
    cache.put("c", "larger", 60)
    assert [cache.get(name) for name in "acd"] == [None, "larger", "d"]
    cache.put("d", "above the limit", 101)
    assert (cache.get("d"), cache.size) == (None, 60)
    cache.drop("c")
    assert (cache.get("c"), cache.size) == (None, 0)


def test_an_aggregate_in_the_cache_is_replaced_by_newer_ones_alone() -> None:
    cache = AggregateCache()
    older, newer = Installation("a"), Installation("a")
    older.version, newer.version = 1, 2
    for each in (newer, older):
        cache.put(Seen(each, each.version))
    assert cache.get(["installation:a", "installation:b"]) == {"installation:a": Seen(newer, 2)}
    nothing = AggregateCache(0)
    nothing.put(Seen(newer, 2))
    assert nothing.get(["installation:a"]) == {}


def test_R57_answers_of_idempotency_keys_leave_no_command_in_memory() -> None:
    people = Personalization(MemoryStore(), cache_bytes=MEGABYTE)
    people.register("shop", installation="a")
    people.personalize("a", Identity(external_id="ali"))

    def repeat(key: str) -> None:
        tags = {f"{key} {n}".rjust(limits.NAME) for n in range(4_000)}
        with pytest.raises(LimitExceeded):
            people.personalize("a", Identity(external_id="ali"), tags=tags, idempotency_key=key)

    repeat("first")
    tracemalloc.start()
    for n in range(12):
        repeat(str(n))
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < 8 * MEGABYTE, "the commands have more than 12 MB"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_process_waits_for_no_thread_of_the_other() -> None:
    cache: BoundedCache[str, str] = BoundedCache(MEGABYTE)
    cache.put("before", "v", 1)
    with cache._lock:
        child = os.fork()
        if not child:
            signal.alarm(120)  # ends it if it waits
            cache.put("after", "v", 1)
            os._exit(cache.get("after") != "v" or cache.size != 1)
    assert os.waitpid(child, 0)[1] == 0
    assert cache.get("before") == "v"
