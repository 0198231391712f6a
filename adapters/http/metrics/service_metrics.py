"""Prometheus metrics of this process, and of the store's sinks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from addressee.application import Personalization, PushOutcome, RelayStore, Store

from .group_commit_metrics import GroupMetrics
from .issuer_key_metrics import IssuerMetrics
from .replica_metrics import ReplicaMetrics, ReplicatedStore
from .sink_metrics import SinkMetrics

if TYPE_CHECKING:
    from addressee.adapters.tokens.issuer_keys import IssuerKeys

METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})


class Metrics:
    """Counts requests by route template, method and status, and pushes by outcome.

    Args:
        store: what it says of its sinks is told too.
    """

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        if isinstance(store, RelayStore):
            self.registry.register(SinkMetrics(store))
        if isinstance(store, ReplicatedStore) and store.replicas:
            self.registry.register(ReplicaMetrics(store))
        self._requests = Counter(
            "addressee_http_requests",
            "Requests answered.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "addressee_http_request_seconds",
            "Time from the start of a request to the end of its response.",
            ["route"],
            registry=self.registry,
        )
        self._pushes = Counter(
            "addressee_pushes",
            "Messages handed to push services: accepted, dead, rejected, retry or unknown.",
            ["application", "service", "outcome"],
            registry=self.registry,
        )

    def watch(self, people: Personalization) -> None:
        """Tell of the transactions that a service's commands share, too."""
        self.registry.register(GroupMetrics(people))

    def watch_issuers(self, keys: IssuerKeys) -> None:
        """Tell how often identity providers' keys were fetched, too."""
        self.registry.register(IssuerMetrics(keys))

    def count(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        """Count one request.

        Args:
            scope: the ASGI scope after routing.
            status: HTTP status of the response; 0 if there was none.
            seconds: duration of the request.
        """
        route = route_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_pushes(
        self, application: str, service: str, tally: Mapping[PushOutcome, int]
    ) -> None:
        """Count what became of the messages of a batch, as `Notifier` tells it."""
        for outcome, number in tally.items():
            self._pushes.labels(application, service, outcome).inc(number)

    def text(self) -> bytes:
        """Return all metrics in the Prometheus text format; reads the store."""
        return generate_latest(self.registry)


ROOT = "addressee.root"
"""Key of the path in the ASGI scope that the application itself is mounted at."""


def route_of(scope: Mapping[str, Any]) -> str:
    """Return the template of a request's route, such as ``/v1/persons/{person}/history``.

    That of a mounted application starts with where it is mounted.
    """
    route: str | None = getattr(scope.get("route"), "path", None)
    mounted = str(scope.get("root_path", "")).removeprefix(scope.get(ROOT, ""))
    return "none" if route is None else f"{mounted}{route}"
