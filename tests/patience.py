"""Wait for what happens elsewhere, however slow the machine is: for an event, never for seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Condition

PATIENCE = 180
"""Seconds within which the slowest machine gets anything done that a test waits for."""


def wait_until(happened: Callable[[], object], event: str, pause: float = 0.02) -> None:
    """Return once something has happened.

    Args:
        happened: asked again and again.
        event: what is awaited, for the error.
        pause: seconds between two looks.
    """
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {event}"
        time.sleep(pause)


class Progress:
    """Counts what threads get done until a test has seen enough.

    Attributes:
        over: whether they shall end.
    """

    def __init__(self) -> None:
        self._count = 0
        self._counted = Condition()
        self.over = False

    def add(self) -> None:
        with self._counted:
            self._count += 1
            self._counted.notify_all()

    def wait_for(self, more: int, event: str) -> None:
        """Return when so many more than at the call are done."""
        with self._counted:
            target = self._count + more
            enough = self._counted.wait_for(lambda: self._count >= target, PATIENCE)
            done = self._count - target + more
        assert enough, f"not within {PATIENCE} s: {more} {event}, but {done}"

    def close(self) -> None:
        """Have the threads end."""
        self.over = True
