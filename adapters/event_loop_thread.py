"""An event loop in a thread of its own, for drivers that know no other way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as Expired
from contextlib import suppress
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
GRACE = 5.0
"""Seconds after its time-out until a call that does not end is given up."""


class EventLoop:
    """Runs coroutines for callers of any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        thread = Thread(target=self._loop.run_forever, name="addressee-events", daemon=True)
        self._thread = thread
        thread.start()

    def run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Return what a coroutine returns; raises TimeoutError after so many seconds."""
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, seconds), self._loop)
        try:
            return future.result(seconds + GRACE)
        except Expired:
            future.cancel()
            raise

    def end_tasks(self) -> None:
        """Cancel what still runs, and wait until it has ended."""
        ended = asyncio.run_coroutine_threadsafe(end_others(), self._loop)
        with suppress(Expired):
            ended.result(GRACE)

    def close(self) -> None:
        """End what still runs, and the thread."""
        if not self._loop.is_closed():
            self.end_tasks()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(GRACE)
            self._loop.close()


async def end_others() -> None:
    """Cancel all other tasks of the loop, and wait until they have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    if others:
        await asyncio.wait(others)
