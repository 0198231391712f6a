"""Persons who are erased: at no moment of the past an identifier leads to them (R50)."""

from __future__ import annotations

from collections.abc import Iterable

from addressee.domain import Person

from ..ports.views import View


def erased_of(view: View, persons: Iterable[str | None]) -> frozenset[str]:
    """Return those persons who are erased by now.

    Args:
        view: of the present.
        persons: ids, None for nobody.
    """
    named = [Person(name) for name in {*persons} if name is not None]
    recorded = view.streams({person.id: 0 for person in named})
    for person in named:
        person.fold(event for _, event in recorded.get(person.id, ()))
    return frozenset(person.name for person in named if person.erasing)
