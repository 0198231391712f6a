"""Persons that a command has open, as they are seen where some are merged (R52)."""

from __future__ import annotations

from addressee.domain import (
    MergedPersonChanged,
    Occasion,
    Person,
    PrimaryChanged,
    group_of,
    root_of,
    seen_as_one,
    seen_persons,
)

from .results import PrimaryMove


class OpenPersons:
    """The part of a `UnitOfWork` about merged persons, who are all open if one of them is."""

    occasion: Occasion
    _persons: dict[str, Person]
    """Id → person, of all that are open."""

    def group(self, person: Person) -> list[Person]:
        """Return the persons who are seen as one with a person: the survivor first (R52)."""
        return group_of(person.name, self._persons) if person.links else [person]

    def seen(self, person: Person) -> Person:
        """Return the person as whom a person is seen; nothing can be recorded on it (R52)."""
        return seen_as_one(self.group(person)) if person.links else person

    def seen_before(self, person: Person) -> Person:
        """Return the person as whom a person was seen before the command."""
        before = {name: each.before or each for name, each in self._persons.items()}
        return seen_persons(before)[person.name]

    def primary_moves(self) -> tuple[PrimaryMove, ...]:
        """Return the primary flags that the command moved, of persons as they are seen."""
        moves: list[PrimaryMove] = []
        for person in self._persons.values():
            for event in person.pending:
                if type(event) is PrimaryChanged:  # pydantic's isinstance is slow
                    name = self.seen(person).name
                    add_move(moves, event.application, name, event.previous, event.current)
        return tuple(moves)

    def note_in_survivors(self) -> None:
        """Have each change of a merged person written to the survivor's stream too.

        So two commands that change the same merged persons collide, as on a stream they share.
        """
        persons = self._persons
        merged = [each for each in persons.values() if each.pending and (each.before or each).link]
        if not merged:
            return
        before = {name: person.before or person for name, person in persons.items()}
        for person in merged:
            survivor = persons[root_of(person.name, before)]
            if not survivor.pending:
                survivor.record(MergedPersonChanged, self.occasion, changed=person.name)


def add_move(
    moves: list[PrimaryMove],
    application: str,
    person: str,
    previous: str | None,
    current: str | None,
) -> None:
    """Add the move of a flag; one from a merged person to another is recorded in two halves."""
    for place, known in enumerate(moves):
        if (known.application, known.person) == (application, person) and (
            (known.current is None and previous is None)
            or (known.previous is None and current is None)
        ):
            both = known.previous or previous, known.current or current
            moves[place] = PrimaryMove(application, person, *both)
            return
    moves.append(PrimaryMove(application, person, previous, current))
