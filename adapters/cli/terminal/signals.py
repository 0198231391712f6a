"""SIGTERM and Ctrl-C as the end of work that goes on until then."""

from __future__ import annotations

import signal
from threading import Event


def stopped_by_signals() -> Event:
    """Return what SIGTERM and Ctrl-C set."""
    stop = Event()

    def end(*_: object) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return stop
