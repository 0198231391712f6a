"""Prometheus metrics of the keys of identity providers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from addressee.adapters.tokens.issuer_keys import IssuerKeys


class IssuerMetrics(Collector):
    """Reads how often this process has fetched key sets, at each scrape.

    Args:
        keys: fetches them.
    """

    def __init__(self, keys: IssuerKeys) -> None:
        self._keys = keys

    def collect(self) -> Iterable[Metric]:
        """Return the metric."""
        metric = CounterMetricFamily(
            "addressee_issuer_key_fetches",
            "Fetches of identity providers' key sets: fetched or failed.",
            labels=["outcome"],
        )
        for outcome, number in self._keys.fetches.items():
            metric.add_metric([outcome], number)
        return [metric]
