"""Traces: how a host's tracing follows a change from the request to other services."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from .command_runner import Execution, Order, Outcome

TRACE_PARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""A span as text: W3C Trace Context, section 3.2.2."""
Facts = Mapping[str, str | int]
"""What is known of a span, by OpenTelemetry's names where it has one."""


class Tracing(Protocol):
    """Record spans: what takes time in one process, each within the one that it is part of."""

    def span(
        self,
        name: str,
        attributes: Facts,
        *,
        parent: str | None = None,
        links: Sequence[str] = (),
    ) -> AbstractContextManager[object]:
        """Record what a block does; of an error that leaves it, the type alone.

        Args:
            name: what is done, such as ``addressee.commit``.
            attributes: facts about it; no personal data.
            parent: what it is part of, as W3C Trace Context writes it; by default the span that
                the caller is in.
            links: spans that it belongs to as well, likewise.
        """
        ...

    def current(self) -> str | None:
        """Return the span that the caller is in, as W3C Trace Context writes it, if any."""
        ...


@dataclass(frozen=True)  # without slots, which `super` can't work with
class TracedExecution(Execution):
    """Runs commands likewise, and records a span of each command and each transaction.

    A command without a correlation id gets its span's: so its events, and their messages to other
    services, can be found by its trace.

    Args:
        tracing: records the spans.
    """

    tracing: Tracing = field(kw_only=True)

    def run(self, orders: Sequence[Order], host: object = None) -> list[Outcome]:
        """Run commands as `Execution` does, within a span."""
        name = type(orders[0].command).__name__ if len(orders) == 1 else "bulk"
        attributes: Facts = {"addressee.command": name, "addressee.commands": len(orders)}
        with self.tracing.span("addressee.command", attributes):
            own = self.tracing.current()
            return super().run([correlated(order, own) for order in orders], host)

    def _attempt(self, orders: Sequence[Order], most: float = math.inf) -> list[Outcome]:
        """Run the commands as `Execution` does, within a span that is linked to theirs."""
        links = [each for order in orders if (each := traced(order.context.get("correlation_id")))]
        attributes: Facts = {"addressee.commands": len(orders)}
        with self.tracing.span("addressee.commit", attributes, links=links):
            return super()._attempt(orders, most)


def correlated(order: Order, span: str | None) -> Order:
    """Return an order with a span as its correlation id, if it has none."""
    if span is None or order.context.get("correlation_id") is not None:
        return order
    return order._replace(context={**order.context, "correlation_id": span})


def traced(correlation_id: str | None) -> str | None:
    """Return a correlation id if it names a span."""
    # What it is is checked later.
    named = isinstance(correlation_id, str) and TRACE_PARENT.fullmatch(correlation_id)
    return correlation_id if named else None
