"""The work queue that the options of a command name."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from addressee.application import WorkQueue
from addressee.domain import InvalidValue


@contextmanager
def work_queue(
    servers: Sequence[str] | None, stream: str | None, credentials: Path | None
) -> Generator[WorkQueue | None]:
    """Open a work queue, if one is named; raises InvalidValue where NATS is not installed."""
    if not servers:
        yield None
        return
    try:
        from addressee.adapters.work_queue.jetstream import (  # noqa: PLC0415 # an extra
            JetStreamQueue,
        )
    except ImportError:
        raise InvalidValue("queue", "needs more: pip install 'addressee[nats]'") from None
    named = {"stream": stream, "user_credentials": credentials and str(credentials)}
    options: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    with closing(JetStreamQueue(servers, **options)) as queue:
        yield queue
