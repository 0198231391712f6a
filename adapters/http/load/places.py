"""A bound on requests that run at once, divided fairly among applications."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from ..messages.error_responses import UNAVAILABLE, Refused
from .share import Share

T = TypeVar("T")


class Places:
    """Runs blocking work in a bounded number of threads, used from one event loop.

    A free place goes to backends before devices, then to the share that has the fewest running,
    then to the one that has waited longest. So one share can neither take all threads nor delay
    the others for longer than its running work takes.

    Args:
        total: most requests that run at once.
        backend: most of them for the backends of one application.
        device: most of them for the devices of one application.
        waiting: most requests of a share that wait for a place; others fail at once.
        patience: longest time that a request waits for a place, in seconds.
    """

    def __init__(
        self, total: int, *, backend: int, device: int, waiting: int, patience: float
    ) -> None:
        self._total = total
        self._most = {"backend": backend, "device": device}
        self._waiting = waiting
        self._patience = patience
        self._threads = CapacityLimiter(total)
        self._running: Counter[Share] = Counter()
        self._queues: dict[Share, deque[asyncio.Future[None]]] = {}

    async def run(self, share: Share, work: Callable[[], T], *, patient: bool = False) -> T:
        """Run blocking work in a thread and return its result.

        Args:
            share: the caller's.
            work: takes no argument; its errors are raised here.
            patient: wait without a limit, for the rest of a response that has started.

        Raises:
            Refused: too many requests of the share wait, or none finished in time.
        """
        await self._enter(share, patient=patient)
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._running[share] -= 1
            self._admit()

    async def _enter(self, share: Share, *, patient: bool) -> None:
        queue = self._queues.setdefault(share, deque())
        if len(queue) >= self._waiting and not patient:
            raise Refused(429, "TOO_MANY_REQUESTS", f"more than {self._waiting} requests wait")
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._admit()
        try:
            async with asyncio.timeout(None if patient else self._patience):
                await turn
        except BaseException as error:
            self._abandon(share, turn)
            if isinstance(error, TimeoutError):
                problem = f"no request finished within {self._patience:g} seconds; try again"
                raise Refused(UNAVAILABLE, "BUSY", problem) from None
            raise

    def _abandon(self, share: Share, turn: asyncio.Future[None]) -> None:
        """Give up a place in the queue, or the one that came at the last moment."""
        if turn.done() and not turn.cancelled():
            self._running[share] -= 1
            self._admit()
        elif turn in (queue := self._queues.get(share, deque())):
            queue.remove(turn)

    def _admit(self) -> None:
        """Give free places to those that wait."""
        while self._running.total() < self._total and (share := self._next()) is not None:
            # It goes to the end, so that equal shares take turns.
            queue = self._queues.pop(share)
            turn = queue.popleft()
            if queue:
                self._queues[share] = queue
            if not turn.done():
                self._running[share] += 1
                turn.set_result(None)

    def _next(self) -> Share | None:
        """Return the share whose turn it is; None if none may run."""
        ready = [
            share
            for share, queue in self._queues.items()
            if queue and self._running[share] < self._most[share.kind]
        ]
        return min(ready, key=lambda s: (s.kind != "backend", self._running[s]), default=None)
