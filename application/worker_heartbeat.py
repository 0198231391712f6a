"""Signs of life of a worker, while its work takes long."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self

from addressee.domain import AddresseeError


class Heartbeat:
    """Calls a function again and again, in a thread of its own, until the block ends.

    A call that fails is made again at the next beat.

    Args:
        beat: what is called.
        seconds: between two calls.
    """

    def __init__(self, beat: Callable[[], object], seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self._stop = Event()
        self._thread = Thread(target=self._run, name="addressee-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it, and wait for the call that is under way."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            with suppress(AddresseeError):
                self._beat()
