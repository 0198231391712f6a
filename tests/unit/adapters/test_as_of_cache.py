"""Looking back for requests: one at a time, and once a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from addressee.adapters.http.messages.error_responses import Refused
from addressee.adapters.http.v1_api.as_of_cache import AsOfCache
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import Horizon, Moment, Past, Personalization, Store


@pytest.fixture(autouse=True)
def always_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing taken back, however little it is."""
    monkeypatch.setattr("addressee.adapters.http.v1_api.as_of_cache.FEW", -1)


def test_one_past_is_looked_up_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    Personalization(store).register("shop", installation="a")
    cached, looked_back = AsOfCache(store, 1 << 20), list[int]()

    def look_back(store: Store, moment: Moment, horizon: Horizon) -> Past:
        with pytest.raises(Refused, match="try again"):
            cached.targeting(0, "shop").count("shop", "all")
        assert cached.targeting(None, "shop").count("shop", "all") == 1
        assert cached.targeting(0, "shop").count("shop", "installation:a") == 0
        looked_back.append(len(looked_back))
        return Past(store, moment, horizon=horizon)

    monkeypatch.setattr("addressee.adapters.http.v1_api.as_of_cache.Past", look_back)
    for _ in range(2):
        assert cached.targeting(1, "shop").count("shop", "all") == 1
        assert len(looked_back) == 1
    future = datetime(2999, 1, 1, tzinfo=UTC)
    for _ in range(2):
        assert cached.targeting(future, "shop").count("shop", "all") == 1
    assert len(looked_back) == 3, "what may change yet is not kept"


def test_R57_an_application_does_not_wait_for_the_pasts_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    people = Personalization(store)
    for code in ("shop", "bank", "vault"):
        people.register(code, installation=code)
    cached, looked_back = AsOfCache(store, 1 << 20), list[Moment]()

    def look_back(store: Store, moment: Moment, horizon: Horizon) -> Past:
        looked_back.append(moment)
        if moment == 1:
            # Another application reads its own past meanwhile; the same one has to try again.
            assert cached.targeting(3, "bank").count("bank", "all") == 1
            with pytest.raises(Refused, match="try again"):
                cached.targeting(2, "shop").count("shop", "all")
        return Past(store, moment, horizon=horizon)

    monkeypatch.setattr("addressee.adapters.http.v1_api.as_of_cache.Past", look_back)
    assert cached.targeting(1, "shop").count("shop", "all") == 1
    assert cached.targeting(3, "bank").count("bank", "all") == 1
    assert looked_back == [1, 3], "each keeps its own"


def test_R57_pasts_in_memory_are_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    people = Personalization(store)
    codes = ("shop", "bank", "vault")
    for code in codes:
        people.register(code, installation=code)
    looked_back = list[Moment]()

    def look_back(store: Store, moment: Moment, horizon: Horizon) -> Past:
        looked_back.append(moment)
        return Past(store, moment, horizon=horizon)

    monkeypatch.setattr("addressee.adapters.http.v1_api.as_of_cache.Past", look_back)
    size = Past(store, 3).size()
    for limit, reads in ((3 * size, 3), (2 * size, 6), (size - 1, 6)):
        looked_back.clear()
        cached = AsOfCache(store, limit)
        for code in codes * 2:
            assert cached.targeting(3, code).count(code, "all") == 1
        assert len(looked_back) == reads, limit


def test_R35_a_past_that_the_store_remembers_takes_no_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_back(*_: object, **__: object) -> Past:
        raise AssertionError("the ledger was folded")

    monkeypatch.setattr("addressee.adapters.http.v1_api.as_of_cache.Past", look_back)
    monkeypatch.setattr("addressee.adapters.http.v1_api.as_of_cache.FEW", 500_000)
    monkeypatch.setattr("addressee.application.past.as_of.SHORT", 0)
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        people = Personalization(store, clock=lambda: now)
        people.register("shop", installation="a")
        now += timedelta(hours=1)
        people.register("shop", installation="b")
        cached = AsOfCache(store, 1 << 20)
        for moment in (1, now - timedelta(minutes=1)):
            assert cached.targeting(moment, "shop").preview("shop", "all") == ["a"]
        assert cached.targeting(now, "shop").preview("shop", "all") == ["a", "b"]
