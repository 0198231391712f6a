"""Looking back for requests: one at a time, and once a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from addressee.adapters.http.messages.error_responses import Refused
from addressee.adapters.http.v1_api.as_of_cache import AsOfCache
from addressee.adapters.memory import MemoryStore
from addressee.application import Moment, Past, Personalization, Store


def test_one_past_is_looked_up_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    Personalization(store).register("shop", installation="a")
    cached, looked_back = AsOfCache(store), list[int]()

    def look_back(store: Store, moment: Moment) -> Past:
        with pytest.raises(Refused, match="try again"):
            cached.targeting(7, "shop")
        assert cached.targeting(None, "shop").count("shop", "all") == 1
        looked_back.append(len(looked_back))
        return Past(store, moment)

    monkeypatch.setattr("addressee.adapters.http.v1_api.as_of_cache.Past", look_back)
    for _ in range(2):
        assert cached.targeting(1, "shop").count("shop", "all") == 1
        assert len(looked_back) == 1
    future = datetime(2999, 1, 1, tzinfo=UTC)
    for _ in range(2):
        assert cached.targeting(future, "shop").count("shop", "all") == 1
    assert len(looked_back) == 3, "what may change yet is not kept"
