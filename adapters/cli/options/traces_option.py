"""The option that has a command record traces."""

from __future__ import annotations

from typing import Annotated

import typer

from addressee.application import Tracing
from addressee.domain import InvalidValue

Traces = Annotated[
    bool,
    typer.Option(
        "--traces", help="Record OpenTelemetry spans; `opentelemetry-instrument` exports them."
    ),
]


def tracing(*, asked: bool) -> Tracing | None:
    """Return what records spans by the SDK that the process has, if it was asked for.

    Raises:
        InvalidValue: OpenTelemetry is not installed.
    """
    if not asked:
        return None
    try:
        from addressee.adapters.open_telemetry import (  # noqa: PLC0415 # an extra
            OpenTelemetryTracing,
        )
    except ImportError:
        raise InvalidValue("traces", "needs more: pip install 'addressee[telemetry]'") from None
    return OpenTelemetryTracing()
