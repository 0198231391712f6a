"""Which events of an installation are a person's, and which are nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from addressee.domain import DeviceDepersonalized, DevicePersonalized

from ..ports.records import Recorded


def held_by(recorded: Iterable[Recorded], persons: AbstractSet[str]) -> Iterator[Recorded]:
    """Yield the events of an installation that happened while a person had it.

    What a device told before anybody was signed in belongs to the first who was. What it told
    while nobody was, after that, may be anybody's, and is left out.

    Args:
        recorded: all events of the installation, oldest first.
        persons: the person's id, and those of all who are merged with the person.
    """
    holder: str | None = None
    earlier: list[Recorded] = []
    used = False
    for each in recorded:
        event = each.event
        if isinstance(event, DevicePersonalized):
            holder = event.person
            if holder in persons and not used:
                yield from earlier
            used = True
        if not used:
            earlier.append(each)
        elif holder in persons:
            yield each
        if isinstance(event, DeviceDepersonalized):
            holder = None


def while_anonymous(recorded: Sequence[Recorded]) -> Sequence[Recorded]:
    """Return the events of an installation that are nobody's: those that `held_by` leaves out.

    Args:
        recorded: all events of the installation, oldest first.
    """
    persons = {event.person for _, event in recorded if isinstance(event, DevicePersonalized)}
    held = {each.position for each in held_by(recorded, persons)}
    return [each for each in recorded if each.position not in held]
