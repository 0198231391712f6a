"""How every command runs: one transaction, lost races again, the same idempotency key once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NotRequired, TypedDict, TypeVar

from addressee.domain import (
    Conflict,
    Event,
    InvalidValue,
    Occasion,
    values,
)

from .cache import AggregateCache
from .commands import Command
from .idempotency import decide_once
from .ports import Store
from .results import Depersonalized, Personalized, Registered, Updated
from .subscribers import Subscribers
from .work import Rules, Work

R = TypeVar("R", Registered, Personalized, Depersonalized, Updated)

ACTORS = ("device", "backend", "policy")
FIRST_PAUSE = 0.001
LONGEST_PAUSE = 0.1


class Context(TypedDict):
    """What every command may be given besides its own arguments.

    Keys:
        actor: who asks (R29): ``device``, ``backend`` or ``policy``, with ``:name`` where known.
        correlation_id: what the events are to be found by, up to 256 characters.
        idempotency_key: the same key again answers the first result and records nothing (R31).
    """

    actor: NotRequired[str]
    correlation_id: NotRequired[str | None]
    idempotency_key: NotRequired[str | None]


@dataclass(frozen=True, slots=True)
class Execution:
    """Runs decisions against a store.

    Args:
        store: where ledger and read models are.
        rules: what the host chose for all commands.
        subscribers: told of what was committed.
        clock: gives the time, aware of its zone.
        attempts: how often a command is tried before a lost race is given up (R32).
        cache: aggregates that were seen before.
    """

    store: Store
    rules: Rules
    subscribers: Subscribers
    clock: Callable[[], datetime]
    attempts: int
    cache: AggregateCache

    def run(self, command: Command[R], context: Context) -> R:
        """Run one command and return its result with the ledger position.

        Args:
            command: what is to be done; it may be decided several times.
            context: as the caller gave it.

        Raises:
            Conflict: the race was lost at every attempt; nothing was recorded.
        """
        actor = checked_actor(context.get("actor", command.actor))
        correlation_id = optional_text("correlation_id", context.get("correlation_id"))
        key = optional_text("idempotency_key", context.get("idempotency_key"))
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._attempt(command, Occasion(self.clock(), actor, correlation_id), key)
            except Conflict:
                if attempt >= self.attempts:
                    raise
                pause(attempt)

    def _attempt(self, command: Command[R], occasion: Occasion, key: str | None) -> R:
        """Run a command in a transaction of its own; raises Conflict for a lost race."""
        events: list[Event] = []
        position = 0
        ticket = self.subscribers.begin()
        try:
            with self.store.writing() as transaction:
                work = Work(self.store, transaction, occasion, self.rules, self.cache)
                result = command.decide(work) if key is None else decide_once(work, command, key)
                recorded = work.append()
            # Only here is it committed.
            events, position = recorded, work.position
            work.committed()
        finally:
            self.subscribers.end(ticket, position, events)
        return replace(result, position=result.position or position)


def pause(attempt: int) -> None:
    """Wait a random while, longer with each lost race, so that the losers do not meet again."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
    time.sleep(random.uniform(0, longest))  # noqa: S311 # spreads retries, guards no secret


def checked_actor(actor: str) -> str:
    """Return the actor; raises InvalidValue unless it starts with one of the three kinds."""
    name = values.text("actor", actor, values.NAME_LIMIT, least=1)
    if name.partition(":")[0] not in ACTORS:
        raise InvalidValue("actor", f"should be one of {', '.join(ACTORS)}, with or without :name")
    return name


def optional_text(field: str, value: str | None) -> str | None:
    """Return ``value`` if it is None or a string of 1 to 256 characters."""
    return None if value is None else values.text(field, value, values.NAME_LIMIT, least=1)
