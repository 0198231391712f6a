"""Prometheus metrics of the store's sinks, whichever processes relay to them."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from addressee.application import RelayStore, Sinks
from addressee.domain import StoreError


class SinkMetrics(Collector):
    """Reads how far each sink is, at each scrape.

    Args:
        store: whose facts are relayed.
    """

    def __init__(self, store: RelayStore) -> None:
        self._sinks = Sinks(store)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry need not read the store to learn the names."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all sinks; none while the store does not answer."""
        label = ["sink"]
        sent = CounterMetricFamily(
            "addressee_sink_sent", "Messages that the sink has confirmed.", labels=label
        )
        retried = CounterMetricFamily(
            "addressee_sink_retried", "Attempts at the sink that were repeated.", labels=label
        )
        dead = GaugeMetricFamily(
            "addressee_sink_dead", "Dead letters: facts that the sink did not take.", labels=label
        )
        lag = GaugeMetricFamily(
            "addressee_sink_lag_events", "Positions that the ledger is ahead.", labels=label
        )
        seconds = GaugeMetricFamily(
            "addressee_sink_lag_seconds", "Age of the oldest event not relayed.", labels=label
        )
        closed = GaugeMetricFamily(
            "addressee_sink_closed", "1 while the sink waits for an operator.", labels=label
        )
        try:
            found = self._sinks.all()
        except StoreError:
            found = []
        for each in found:
            name = [each.name]
            sent.add_metric(name, each.sent)
            retried.add_metric(name, each.retried)
            dead.add_metric(name, each.dead)
            lag.add_metric(name, each.behind)
            seconds.add_metric(name, each.oldest)
            closed.add_metric(name, int(each.state == "closed"))
        return (sent, retried, dead, lag, seconds, closed)
