"""Changes of tags, of a person or of an installation (R28)."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from addressee.domain import Aggregate, Person, tag_merged, values

from ..unit_of_work.results import Updated
from ..unit_of_work.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class TagChange:
    """Names to add and to remove; or, if given, what the tags are to be afterwards."""

    add: frozenset[str]
    remove: frozenset[str]
    replace: frozenset[str] | None

    @classmethod
    def checked(
        cls, add: Iterable[str], remove: Iterable[str], replace: Iterable[str] | None
    ) -> Self:
        """Return the change; raises InvalidValue or LimitExceeded for a name that can't be."""
        replaced = None if replace is None else values.tags("replace", replace)
        return cls(values.tags("add", add), values.tags("remove", remove), replaced)

    def on(self, known: AbstractSet[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Return what to add to the known tags and what to remove."""
        if self.replace is None:
            return self.add, self.remove
        return self.replace, frozenset(known) - self.replace


@dataclass(frozen=True, slots=True)
class TagPerson:
    """Change a person's tags."""

    ANSWER: ClassVar = Updated

    person: str
    tags: TagChange

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the person."""
        return (Person(self.person),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise UnknownPerson if nobody has that id."""
        person = work.person(self.person)
        group, known = work.group(person), work.seen(person).tags
        tag_merged(work.occasion, group, person, *self.tags.on(known))
        outcome: Literal["updated", "unchanged"] = "updated" if work.recorded else "unchanged"
        return Updated(outcome, None, group[0].name)
