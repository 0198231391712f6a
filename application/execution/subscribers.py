"""Calls of the host's subscribers, after the commit and in ledger order, from any thread."""

from __future__ import annotations

import heapq
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from logging import Logger
from threading import Lock
from typing import Any, TypeVar

from addressee.domain import Event

E = TypeVar("E", bound=Event)


@dataclass(order=True, slots=True)
class Commit:
    """The events of one commit, waiting for the commands that may have committed before it."""

    position: int
    events: Sequence[Event] = field(compare=False)
    waits_for: set[int] = field(compare=False)


class Subscribers:
    """Delivers the events of this process's commands.

    Threads learn of their own commits in any order. So a commit waits for the commands that were
    under way when it was reported: one of them may hold a lower position. Those that start later
    can't. One thread at a time delivers; the others leave their commits to it.

    Args:
        logger: receives which handler failed, on which topic and position; never event data.
    """

    def __init__(self, logger: Logger) -> None:
        self._logger = logger
        self._handlers: dict[type[Event], list[Callable[[Any], object]]] = defaultdict(list)
        self._lock = Lock()
        self._under_way: set[int] = set()
        self._tickets = 0
        self._waiting: list[Commit] = []
        self._delivering = False

    def subscribe(self, event: type[E], handler: Callable[[E], object]) -> None:
        """Call ``handler`` with every event of that type from the next command on."""
        self._handlers[event].append(handler)

    def begin(self) -> int:
        """Return a ticket for a command that is about to run; 0 where there is no subscriber."""
        if not self._handlers:
            return 0
        with self._lock:
            self._tickets += 1
            self._under_way.add(self._tickets)
            return self._tickets

    def end(self, ticket: int, position: int, events: Sequence[Event]) -> None:
        """Give the ticket back with what was committed, and deliver what can be delivered."""
        self.report(ticket, position, events)
        self.deliver()

    def report(self, ticket: int, position: int, events: Sequence[Event]) -> None:
        """Give the ticket back with what was committed; the caller delivers later."""
        if not ticket:
            return
        with self._lock:
            self._under_way.discard(ticket)
            for commit in self._waiting:
                commit.waits_for.discard(ticket)
            if events:
                heapq.heappush(self._waiting, Commit(position, events, set(self._under_way)))

    def deliver(self) -> None:
        """Deliver what can be delivered, unless another thread does."""
        if not self._waiting:
            return
        with self._lock:
            if self._delivering:
                return
            self._delivering = True
        while (ready := self._next()) is not None:
            self._deliver(ready)

    def _next(self) -> Commit | None:
        with self._lock:
            if self._waiting and not self._waiting[0].waits_for:
                return heapq.heappop(self._waiting)
            self._delivering = False
            return None

    def _deliver(self, commit: Commit) -> None:
        for event in commit.events:
            if event.at_home:
                for handler in tuple(self._handlers.get(type(event), ())):
                    self._call(handler, event, commit.position)

    def _call(self, handler: Callable[[Any], object], event: Event, position: int) -> None:
        try:
            handler(event)
        except Exception as error:  # noqa: BLE001 # whatever the host's code raises undoes nothing
            *_, where = traceback.extract_tb(error.__traceback__)
            self._logger.error(  # noqa: TRY400 # a traceback could show personal data
                "subscriber failed: %s at %s:%s on %s up to position %s",
                type(error).__name__,
                where.filename,
                where.lineno,
                event.TOPIC,
                position,
            )
