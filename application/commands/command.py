"""What a command is: checked arguments, and the decision they lead to; and several as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from addressee.domain import Aggregate

from ..unit_of_work.results import Depersonalized, Personalized, Registered, Result, Updated
from ..unit_of_work.unit_of_work import UnitOfWork

R_co = TypeVar("R_co", bound=Registered | Personalized | Depersonalized | Updated, covariant=True)


class Command(Protocol[R_co]):
    """A frozen dataclass of checked arguments that decides what is recorded.

    Attributes:
        ANSWER: the type of its result, to read a recorded one back (R31).
    """

    ANSWER: ClassVar[type[Any]]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def actor(self) -> str:
        """Who asks, if the caller does not say (R29)."""
        ...

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the aggregates that it looks at first, so that they are read in one query.

        Args:
            key: the store's identifier key.
        """
        ...

    def decide(self, work: UnitOfWork) -> R_co:
        """Record what follows on the aggregates of ``work`` and return the answer.

        It may run several times, each time on newly read aggregates. What it raises refuses the
        command: nothing is recorded.
        """
        ...


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
