"""Prometheus metrics of the transactions that commands of concurrent callers share."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from addressee.application import Personalization


class GroupMetrics(Collector):
    """Reads what the groups of this process have done, at each scrape.

    Args:
        people: whose commands they are.
    """

    def __init__(self, people: Personalization) -> None:
        self._people = people

    def collect(self) -> Iterable[Metric]:
        """Return the metrics; commands by transactions is the mean size of a group."""
        told = self._people.groups
        return (
            CounterMetricFamily(
                "addressee_command_groups",
                "Transactions of commands, which concurrent callers share.",
                value=told.groups,
            ),
            CounterMetricFamily(
                "addressee_grouped_commands", "Commands in those transactions.", value=told.orders
            ),
            CounterMetricFamily(
                "addressee_failed_command_groups",
                "Those of which each command was run again alone.",
                value=told.failed,
            ),
            CounterMetricFamily(
                "addressee_commands_without_group",
                "Commands that ran alone because the transaction before theirs took too long.",
                value=told.left,
            ),
            CounterMetricFamily(
                "addressee_command_group_wait_seconds",
                "Time that commands waited for the transaction before theirs.",
                value=told.waited,
            ),
        )
