"""Persons who are erased: at no moment of the past an identifier leads to them (R50)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from addressee.domain import IdentifierClaim, Person
from addressee.domain.events import name_in

from ..ports.records import Recorded
from ..ports.transaction_views import View


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


def holders_of(view: View, recorded: Mapping[str, Sequence[Recorded]]) -> Mapping[str, str]:
    """Return claim stream → who held the identifier at a moment, without those who are erased now.

    Args:
        view: of the present.
        recorded: claim stream → its events that count at the moment.
    """
    claims = {stream: IdentifierClaim(name_in(stream)) for stream in recorded}
    for stream, claim in claims.items():
        claim.fold(event for _, event in recorded[stream])
    held = {stream: claim.holder for stream, claim in claims.items() if claim.holder is not None}
    erased = erased_of(view, held.values())
    return {stream: holder for stream, holder in held.items() if holder not in erased}
