"""A person's primary installation of an application changes (R23, R25)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from addressee.domain import (
    Aggregate,
    Installation,
    NotPersonalized,
    OtherPerson,
    Person,
    move_primary,
)

from ..unit_of_work.results import Updated
from ..unit_of_work.unit_of_work import UnitOfWork
from .depersonalize import acted_on, device, is_named


@dataclass(frozen=True, slots=True)
class SetPrimary:
    """Give an installation its person's primary flag, or take it."""

    ANSWER: ClassVar = Updated

    installation: str
    primary: bool
    by: str | None
    ignore_anonymous: bool = False
    of: str | None = None

    @property
    def actor(self) -> str:
        """The installation that sends the command, where it is another one."""
        return device(self.installation, self.by)

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation, and the one that sends the command."""
        return map(Installation, filter(None, (self.installation, self.by)))

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise NoRegistration, NotPersonalized, OtherPerson, or Forbidden for somebody else's."""
        installation = acted_on(work, self.installation, self.by)
        person = work.owner(installation)
        if self.of is not None and (person is None or not is_named(work, person, self.of)):
            raise OtherPerson(self.installation)
        if person is None and (self.ignore_anonymous or not self.primary):
            return Updated("unchanged", self.installation)
        if person is None:
            raise NotPersonalized(self.installation)
        if self.primary:
            make_primary(work, installation, person)
        elif installation.primary:
            move_primary(work.occasion, person, installation.application, installation, None)
        moves, seen = work.primary_moves(), work.seen(person)
        return Updated("updated" if moves else "unchanged", self.installation, seen.name, moves)


def make_primary(work: UnitOfWork, installation: Installation, person: Person) -> None:
    """Move the person's primary flag of the application to this installation (R23).

    It is taken from an installation of a merged person, too: they are seen as one.
    """
    application = installation.application
    for other in work.group(person):
        if other is not person and (name := other.primaries.get(application)):
            move_primary(work.occasion, other, application, work.get(Installation, name), None)
    holder = person.primaries.get(application)
    previous = work.get(Installation, holder) if holder else None
    move_primary(work.occasion, person, application, previous, installation)
