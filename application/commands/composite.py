"""Several commands that are one: all are decided on the same aggregates, or none is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from addressee.domain import Aggregate

from ..unit_of_work.results import Result, Updated
from ..unit_of_work.unit_of_work import UnitOfWork
from .command import Command


@dataclass(frozen=True, slots=True)
class Together:
    """What one request asks for in several words, such as facts and the primary flag."""

    ANSWER: ClassVar = Updated

    commands: tuple[Command[Result], ...]

    @property
    def actor(self) -> str:
        """Who asks, according to the first."""
        return self.commands[0].actor

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return what each of them looks at first."""
        return (aggregate for command in self.commands for aggregate in command.opens(key))

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise what the first raises that is refused."""
        for command in self.commands:
            command.decide(work)
        outcome: Literal["updated", "unchanged"] = "updated" if work.recorded else "unchanged"
        return Updated(outcome, primary_moves=work.primary_moves())
