"""Prometheus metrics of the read replicas that queries go to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class ReplicaState(Protocol):
    """What a store tells of a replica."""

    @property
    def name(self) -> str:
        """Host and port."""
        ...

    @property
    def left_out(self) -> str:
        """Why no query goes to it; "" while queries do."""
        ...

    @property
    def failures(self) -> int:
        """How often it was left out."""
        ...


@runtime_checkable
class ReplicatedStore(Protocol):
    """A store of which queries go to replicas."""

    @property
    def replicas(self) -> Sequence[ReplicaState]:
        """What is known of each; none where there are none."""
        ...


class ReplicaMetrics(Collector):
    """Reads what this process knows of replicas, at each scrape.

    Args:
        store: the store.
    """

    def __init__(self, store: ReplicatedStore) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        used = GaugeMetricFamily(
            "addressee_replica_in_use",
            "1 while queries go to a read replica, 0 while it is left out.",
            labels=["replica"],
        )
        failures = CounterMetricFamily(
            "addressee_replica_failures",
            "How often a read replica was left out.",
            labels=["replica"],
        )
        for each in self._store.replicas:
            used.add_metric([each.name], not each.left_out)
            failures.add_metric([each.name], each.failures)
        return used, failures
