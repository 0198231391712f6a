"""Merged persons as the one person that is seen (R52).

Each person keeps a stream and a state of its own; a merge is a link from one to its survivor. So
the persons of a group form a tree, and `seen_as_one` derives from them what is seen. Whoever takes
a link away sees two groups again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from .. import events
from .base import Occasion
from .person import Person


def with_linked(
    names: Iterable[str], load: Callable[[Iterable[str]], Iterable[Person]]
) -> dict[str, Person]:
    """Return persons, and all that are merged with them.

    Args:
        names: the ids of some persons.
        load: returns persons by their ids; it is called once where no person is merged.
    """
    found: dict[str, Person] = {}
    missing = set(names)
    while missing:
        found |= {person.name: person for person in load(sorted(missing))}
        linked = {name for person in found.values() for name in person.links}
        missing = linked - found.keys()
    return found


def root_of(name: str, persons: Mapping[str, Person]) -> str:
    """Return the id of the person as whom a person is seen.

    A link counts once both persons say so: a reader may have met one half of it.

    Args:
        name: the id of the person.
        persons: by id, with all that are linked to them.
    """
    while (person := persons.get(name)) is not None and person.link is not None:
        survivor = persons.get(person.link.survivor)
        if survivor is None or name not in survivor.merged:
            break
        name = survivor.name
    return name


def group_of(name: str, persons: Mapping[str, Person]) -> list[Person]:
    """Return the persons who are seen as one with a person: the survivor, then in merge order.

    Each is followed by those that were merged into it. Arguments as for `root_of`.
    """
    return [persons[each] for each in below(root_of(name, persons), persons)]


def below(name: str, persons: Mapping[str, Person]) -> list[str]:
    """Return the ids of a person and of those that were merged into it, in merge order."""
    found = [name]
    for merged in persons[name].merged:
        link = persons[merged].link if merged in persons else None
        if link is not None and link.survivor == name:
            found += below(merged, persons)
    return found


def seen_as_one(group: Sequence[Person]) -> Person:
    """Return the person that is seen where persons are merged; of one, this person itself.

    It has the survivor's id and version, and no events can be recorded on it.

    Args:
        group: the survivor, then the others; earlier ones win where values differ.
    """
    survivor = group[0]
    if len(group) == 1:
        return survivor
    seen = Person(survivor.name)
    seen.version, seen.modified_on = survivor.version, survivor.modified_on
    seen.erasing = any(person.erasing for person in group)
    seen.merged = tuple(person.name for person in group[1:])
    for person in group:
        if person.type == "CUSTOMER":
            seen.type = "CUSTOMER"
        seen.identifiers |= person.identifiers
        seen.attributes = {**person.attributes, **seen.attributes}
        seen.tags |= person.tags
        seen.devices |= person.devices
        seen.primaries = {**person.primaries, **seen.primaries}
        seen.met |= person.met
    return seen


def seen_persons(persons: Mapping[str, Person]) -> dict[str, Person]:
    """Return id → the person as whom each is seen; arguments as for `root_of`."""
    seen: dict[str, Person] = {}
    for name, person in persons.items():
        if not person.links:
            seen[name] = person
        elif name not in seen:
            group = group_of(name, persons)
            one = seen_as_one(group)
            seen |= {each.name: one for each in group}
    return seen


def update_merged(
    occasion: Occasion, group: Sequence[Person], person: Person, attributes: events.Values
) -> None:
    """Record changed attributes on the person they came through, so that they are seen (R15, R52).

    Another person has a value replaced only where it would hide the new one, and removed wherever
    it would be seen instead. So a stream holds nothing of others that it need not hold.

    Args:
        occasion: time and actor.
        group: the persons that are seen as one.
        person: the one of them whose identifier, installation or id the caller named.
        attributes: name → value; None removes.
    """
    wins = True
    for each in group:
        if each is person:
            each.update(occasion, attributes)
            wins = False
            continue
        known = each.attributes
        shown = {n: v for n, v in attributes.items() if n in known and (wins or v is None)}
        each.update(occasion, shown)


def tag_merged(
    occasion: Occasion,
    group: Sequence[Person],
    person: Person,
    add: frozenset[str],
    remove: frozenset[str],
) -> None:
    """Add tags to the person they came through, and remove them from all who have them (R28)."""
    for each in group:
        each.change_tags(occasion, add if each is person else frozenset(), remove)
