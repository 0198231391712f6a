"""Traces by OpenTelemetry's API; the host brings the SDK that exports them."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry.trace import (
    Link,
    SpanContext,
    Status,
    StatusCode,
    TracerProvider,
    get_current_span,
    get_tracer,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

CONTEXT = TraceContextTextMapPropagator()
MOST_LINKS = 100


class OpenTelemetryTracing:
    """Records spans under the name ``addressee``.

    Args:
        provider: whose tracer is used; by default the one that the process has.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = get_tracer("addressee", tracer_provider=provider)

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, str | int],
        *,
        parent: str | None = None,
        links: Sequence[str] = (),
    ) -> Generator[None]:
        """Record what a block does; of an error that leaves it, the type alone."""
        with self._tracer.start_as_current_span(
            name,
            context=None if parent is None else CONTEXT.extract({"traceparent": parent}),
            attributes=dict(attributes),
            links=[Link(context_of(each)) for each in [*dict.fromkeys(links)][:MOST_LINKS]],
            record_exception=False,  # its text may hold personal data
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def current(self) -> str | None:
        """Return the span that the caller is in, as W3C Trace Context writes it, if any."""
        carrier: dict[str, str] = {}
        CONTEXT.inject(carrier)
        return carrier.get("traceparent")


def context_of(parent: str) -> SpanContext:
    """Return the span that a text names."""
    return get_current_span(CONTEXT.extract({"traceparent": parent})).get_span_context()
