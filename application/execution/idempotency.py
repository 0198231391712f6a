"""Idempotency keys: the same key again returns the first result, records nothing (R31)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar, cast

from pydantic import TypeAdapter

from addressee.domain import (
    Aggregate,
    Appliers,
    CommandCompleted,
    IdempotencyKeyReused,
    Identity,
    keyed_hash,
)

from ..commands import Command
from ..unit_of_work.results import Result
from ..unit_of_work.unit_of_work import UnitOfWork


class CompletedCommand(Aggregate):
    """The result of a command with an idempotency key, if it took effect (R31)."""

    CATEGORY = "command"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.fingerprint = ""
        self.result: Mapping[str, Any] | None = None

    def contents(self) -> Collection[object]:
        """Return the result."""
        return (self.result,)

    def _completed(self, event: CommandCompleted) -> None:
        self.fingerprint, self.result = event.fingerprint, event.result

    APPLIERS: ClassVar[Appliers] = {CommandCompleted: _completed}


def decide_once(work: UnitOfWork, command: Command[Result], key: str) -> Result:
    """Decide, or return the result of the first command with the same idempotency key (R31)."""
    secret = work.store.identifier_key
    request = [type(command).__name__, asdict(command)]
    fingerprint = keyed_hash(secret, json.dumps(request, sort_keys=True, default=ordered))
    done = work.get(CompletedCommand, keyed_hash(secret, "command", key))
    if done.result is not None:
        if done.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        first = cast("Result", TypeAdapter(command.ANSWER).validate_python(done.result))
        return replace(first, position=work.position_of(done))
    result = command.decide(work)
    # Its position is then that of the whole answer, and found again with it.
    work.put_last(done)
    done.record(CommandCompleted, work.occasion, fingerprint=fingerprint, result=asdict(result))
    return result


def ordered(value: Identity | frozenset[str]) -> object:
    """Return what JSON has no form for as a list in an order of its own."""
    return value.model_dump() if isinstance(value, Identity) else sorted(value)
