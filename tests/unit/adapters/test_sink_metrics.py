"""What operators scrape of the sinks (R42)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from addressee.adapters.http.metrics.service_metrics import Metrics
from addressee.adapters.memory import MemoryStore
from addressee.application import (
    FactMessage,
    MessageRefused,
    Personalization,
    Published,
    Relay,
    SinkClosed,
)
from addressee.domain import StoreUnavailable


class Picky:
    """Takes one message, refuses one, and wants no other."""

    def resume(self) -> int | None:
        return None

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        match messages[0].position:
            case 1:
                return Published(1, MessageRefused("no"))
            case _:
                return Published(0, SinkClosed("enough"))

    def close(self) -> None:
        pass


def test_R42_a_scrape_shows_how_far_each_sink_is(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    people = Personalization(store)
    for n in range(4):
        people.register("shop", installation=f"d{n}")
    Relay(store, "crm", Picky()).catch_up()
    metrics = Metrics(store)
    told = metrics.text().decode()
    for line in ("sent_total", "dead", "closed"):
        assert f'addressee_sink_{line}{{sink="crm"}} 1.0' in told
    assert 'addressee_sink_retried_total{sink="crm"} 0.0' in told
    assert 'addressee_sink_lag_events{sink="crm"} 2.0' in told
    assert "d3" not in told

    def away() -> list[str]:
        raise StoreUnavailable("away")

    monkeypatch.setattr(store, "sinks", away)
    told = metrics.text().decode()
    assert "sink=" not in told
    assert "addressee_http_requests" in told
