"""The shape of a command: checked arguments and a decision; and several commands as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from addressee.domain import Aggregate

from ..unit_of_work.results import Result, Updated
from ..unit_of_work.unit_of_work import UnitOfWork

R_co = TypeVar("R_co", bound=Result, covariant=True)


class Command(Protocol[R_co]):
    """A frozen dataclass of checked arguments that decides what is recorded.

    Attributes:
        ANSWER: the type of its result, to read a recorded one back (R31).
    """

    ANSWER: ClassVar[type[Any]]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def actor(self) -> str:
        """The actor, if the caller names none (R29)."""
        ...

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the aggregates that it reads first, so that one query reads them all.

        Args:
            key: the store's identifier key.
        """
        ...

    def decide(self, work: UnitOfWork) -> R_co:
        """Record the decision on the aggregates of ``work`` and return the result.

        It may run several times, each time on newly read aggregates. An error refuses the
        command: nothing is recorded.
        """
        ...


@dataclass(frozen=True, slots=True)
class Together:
    """Several commands of one request, such as facts and the primary flag: all or none."""

    ANSWER: ClassVar = Updated

    commands: tuple[Command[Result], ...]

    @property
    def actor(self) -> str:
        """The actor of the first."""
        return self.commands[0].actor

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the aggregates that each of them reads first."""
        return (aggregate for command in self.commands for aggregate in command.opens(key))

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise the first refusal."""
        for command in self.commands:
            command.decide(work)
        outcome: Literal["updated", "unchanged"] = "updated" if work.recorded else "unchanged"
        return Updated(outcome, primary_moves=work.primary_moves())
