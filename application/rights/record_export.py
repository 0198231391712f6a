"""The command that records that a person's data is handed out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from addressee.domain import Aggregate, Person, UnknownPerson

from ..unit_of_work.results import Updated
from ..unit_of_work.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class RecordExport:
    """Record an export of a person's data; the ledger up to there is what the export shows."""

    ANSWER: ClassVar = Updated

    person: str

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:  # noqa: ARG002 # as the protocol has it
        """Return the person."""
        return (Person(self.person),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise UnknownPerson for nobody, or nobody that the caller's application has met."""
        person = work.person(self.person)
        if not work.seen(person).known_in(work.within):
            raise UnknownPerson(self.person)
        person.note_export(work.occasion, work.within)
        return Updated("updated", None, self.person)
