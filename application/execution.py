"""How every command runs: one transaction, lost races again, the same idempotency key once."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import ClassVar, NotRequired, TypedDict, TypeVar

from pydantic import TypeAdapter

from addressee.domain import (
    Aggregate,
    Appliers,
    CommandCompleted,
    Conflict,
    IdempotencyKeyReused,
    InvalidValue,
    Occasion,
    keyed_hash,
    values,
)

from .cache import AggregateCache
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


class CompletedCommand(Aggregate):
    """What a command with an idempotency key answered, if it took effect (R31)."""

    CATEGORY = "command"

    __slots__ = ("done",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.done: CommandCompleted | None = None

    def _completed(self, event: CommandCompleted) -> None:
        self.done = event

    APPLIERS: ClassVar[Appliers] = {CommandCompleted: _completed}


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

    def run(
        self,
        answer: type[R],
        decide: Callable[[Work], R],
        context: Context,
        default_actor: str,
        request: Callable[[], Mapping[str, object]],
    ) -> R:
        """Run one command and return its result with the ledger position.

        Args:
            answer: the type of result.
            decide: the decision; it may run several times.
            context: as the caller gave it.
            default_actor: who asks, if the context does not say.
            request: gives the command and its arguments, to recognise a retry by.

        Raises:
            Conflict: the race was lost at every attempt; nothing was recorded.
        """
        actor = checked_actor(context.get("actor", default_actor))
        correlation_id = optional_text("correlation_id", context.get("correlation_id"))
        key = optional_text("idempotency_key", context.get("idempotency_key"))
        for attempt in range(1, self.attempts + 1):
            occasion = Occasion(self.clock(), actor, correlation_id)
            ticket = self.subscribers.begin()
            events = []
            position = 0
            try:
                with self.store.writing() as transaction:
                    work = Work(self.store, transaction, occasion, self.rules, self.cache)
                    if key is None:
                        result = decide(work)
                    else:
                        result = self._once(work, answer, decide, key, request)
                    appended = work.append()
                events, position = appended, work.position
                work.committed()
            except Conflict:
                if attempt == self.attempts:
                    raise
                pause(attempt)
            else:
                return replace(result, position=result.position or position)
            finally:
                self.subscribers.end(ticket, position, events)
        raise InvalidValue("attempts", "should be at least 1")

    def _once(
        self,
        work: Work,
        answer: type[R],
        decide: Callable[[Work], R],
        key: str,
        request: Callable[[], Mapping[str, object]],
    ) -> R:
        """Decide, or return what the same key's first command answered."""
        secret = self.store.identifier_key
        fingerprint = keyed_hash(secret, json.dumps(request(), sort_keys=True, default=sorted))
        command = work.get(CompletedCommand(keyed_hash(secret, "command", key)))
        if command.done is not None:
            if command.done.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            first = TypeAdapter(answer).validate_python(command.done.result)
            return replace(first, position=work.position)
        result = decide(work)
        command.record(
            CommandCompleted, work.occasion, fingerprint=fingerprint, result=asdict(result)
        )
        return result


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
