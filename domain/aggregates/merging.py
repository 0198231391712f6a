"""Merging two persons, and taking a merge back (R52)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

from .. import events, limits
from ..errors import LimitExceeded, MergeRefusal
from ..values import Value
from .base import Occasion, same
from .binding_rules import move_primary
from .installation import Installation
from .merged_persons import below, seen_as_one
from .person import Link, Person

POLICY: events.MergePolicy = "survivor_first"
Find = Callable[[str], Installation]
"""Returns an installation by its id, loading it if necessary."""


def digest_of(*groups: Sequence[Person]) -> str:
    """Return a digest of all that a merge depends on: the versions of all persons concerned."""
    lines = [POLICY, *(f"{p.name} {p.version}" if p else "" for g in groups for p in (None, *g))]
    return sha256("\n".join(lines).encode()).hexdigest()


def conflicts_of(survivor: Person, merged: Person) -> dict[str, tuple[Value, Value]]:
    """Return attribute → both values, of the survivor and of the other, where they differ."""
    return {
        name: (survivor.attributes[name], value)
        for name, value in merged.attributes.items()
        if name in survivor.attributes and not same(survivor.attributes[name], value)
    }


def refusal_of(survivor: Person, merged: Person, within: str | None) -> MergeRefusal | None:
    """Return why a merge is refused, if it is.

    Args:
        survivor: as it is seen.
        merged: likewise.
        within: the only application that the caller may see, if there is one.
    """
    if survivor.name == merged.name:
        return "same_person"
    if survivor.erasing or merged.erasing:
        return "erased"
    if within is not None and (survivor.met | merged.met) - {within}:
        return "other_applications"
    if survivor.values("external_id") and merged.values("external_id"):
        return "external_ids"
    return None


def check_sizes(survivor: Person, merged: Person, tagging: int) -> None:
    """Check that the persons are few enough to be one, and what it changes.

    Args:
        survivor: as it is seen.
        merged: likewise.
        tagging: largest product of changed tags and installations in one command.

    Raises:
        LimitExceeded: there are too many persons, identifiers, or tags times installations.
    """
    persons = len(survivor.merged) + len(merged.merged) + 2
    if persons > limits.MERGED:
        raise LimitExceeded("merged", limits.MERGED, persons, unit="persons")
    for kind in ("msisdn", "email"):
        count = len(survivor.values(kind)) + len(merged.values(kind))
        if count > limits.CONTACTS:
            raise LimitExceeded(f"{kind}s", limits.CONTACTS, count, unit="values")
    changed = len(survivor.tags - merged.tags) * len(merged.devices)
    changed += len(merged.tags - survivor.tags) * len(survivor.devices)
    if changed > tagging:
        raise LimitExceeded("tagging", tagging, changed, "changed tags times installations")


def merge_persons(
    occasion: Occasion,
    one: Sequence[Person],
    other: Sequence[Person],
    find: Find,
    forced: str | None,
) -> str:
    """Record that two persons are one, and return the id of the merge.

    Where each has a primary installation of an application, the survivor's stays (R23).

    Args:
        occasion: time and actor.
        one: the survivor, and those merged with it.
        other: the other person, and those merged with it.
        find: returns an installation.
        forced: why it is done although it is refused by default, if so.
    """
    survivor, merged = one[0], other[0]
    kept, lost = seen_as_one(one).primaries, seen_as_one(other).primaries
    both = {application: name for application, name in lost.items() if application in kept}
    for application, name in both.items():
        flagged = holder_of(other, name)
        move_primary(occasion, flagged, application, find(name), None)
    merge = f"{merged.name}.{merged.version + 1}"
    for person in (survivor, merged):
        person.record(
            events.PersonsMerged,
            occasion,
            merge=merge,
            survivor=survivor.name,
            merged=merged.name,
            policy=POLICY,
            primaries=both,
            forced=forced,
        )
    return merge


def unmerge_persons(
    occasion: Occasion, name: str, persons: Mapping[str, Person], find: Find
) -> None:
    """Record that a merge is taken back.

    An installation that lost its flag by this merge, or by a later one of the survivor's, has it
    again, unless its person has another primary one or does not have it any more.

    Args:
        occasion: time and actor.
        name: the person who was merged.
        persons: by id, all that are seen as one with that person.
        find: returns an installation.
    """
    merged = persons[name]
    links = [*links_above(merged, persons)]
    link = links[0]
    for person in (persons[link.survivor], merged):
        person.record(
            events.PersonsUnmerged,
            occasion,
            merge=link.merge,
            survivor=link.survivor,
            merged=name,
        )
    group = [persons[each] for each in below(name, persons)]
    seen = seen_as_one(group)
    lost = {app: device for each in links for app, device in each.primaries.items()
            if device in seen.devices}  # fmt: skip
    for application, device in lost.items():
        if application not in seen.primaries:
            move_primary(occasion, holder_of(group, device), application, None, find(device))


def links_above(person: Person, persons: Mapping[str, Person]) -> Iterable[Link]:
    """Yield the link of a person to its survivor, then the survivor's own, and so on."""
    while person.link is not None:
        yield person.link
        person = persons[person.link.survivor]


def holder_of(group: Sequence[Person], installation: str) -> Person:
    """Return which of merged persons an installation is bound to."""
    return next(person for person in group if installation in person.devices)
