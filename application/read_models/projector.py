"""From changed aggregates to changes of read models, one fold for every adapter (R37)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from addressee.domain import (
    Aggregate,
    IdentifierClaim,
    Installation,
    Person,
    Segment,
    differing,
    installation_terms,
    person_terms,
)
from addressee.domain.audiences.index_terms import flags_of

from ..ports.read_model_changes import Changes, InstallationChange


def project(aggregates: Iterable[Aggregate], indexed: AbstractSet[str]) -> Changes:
    """Return what the read models must change so that they show the aggregates.

    Args:
        aggregates: every aggregate of the transaction, as drafts that know their state before. An
            installation that changes hands comes with both its persons.
        indexed: the attributes that audiences may use, as ``attr.name`` or ``iattr.name``.
    """
    changes = Changes()
    installations: dict[str, Installation] = {}
    persons: dict[str, Person] = {}
    for aggregate in aggregates:
        if isinstance(aggregate, Installation):
            installations[aggregate.name] = aggregate
        elif isinstance(aggregate, Person):
            persons[aggregate.name] = aggregate
        elif isinstance(aggregate, IdentifierClaim) and aggregate.changed:
            changes.holders[aggregate.id] = aggregate.holder
        elif isinstance(aggregate, Segment) and aggregate.changed:
            changes.segments[aggregate.place] = aggregate.expression
    was = {name: person_terms(person.before or person, indexed) for name, person in persons.items()}
    now = {
        name: was[name] if same_terms(person) else person_terms(person, indexed)
        for name, person in persons.items()
    }
    for installation in installations.values():
        if installation.changed and installation.before is not None:
            changes.installations.append(
                change_of(installation, installation.before, was, now, indexed)
            )
    handed_over = {change.installation for change in changes.installations if change.moved}
    for name, person in persons.items():
        if was[name] != now[name]:
            changes.installations += (
                InstallationChange(
                    device, application, gained=now[name] - was[name], lost=was[name] - now[name]
                )
                for device, application in person.devices.items()
                if device not in handed_over
            )
    changes.erased = {
        name: person.destroyed_keys
        for name, person in persons.items()
        if person.destroyed_keys is not None and person.changed
    }
    return changes


def same_terms(person: Person) -> bool:
    """Whether nothing changed from which the terms of a person are derived."""
    before = person.before
    return before is None or (
        before.tags == person.tags
        and before.type == person.type
        and before.attributes == person.attributes
        # Python holds 1, 1.0 and True for equal; their terms are not.
        and not differing(before.attributes, person.attributes)
    )


def change_of(
    installation: Installation,
    before: Installation,
    was: Mapping[str, AbstractSet[str]],
    now: Mapping[str, AbstractSet[str]],
    indexed: AbstractSet[str],
) -> InstallationChange:
    """Return what changes for one installation; ``was`` and ``now`` are the terms of persons."""
    held, holds = installation_terms(before, indexed), installation_terms(installation, indexed)
    # Within a page that is replayed, an installation can leave a person and come back.
    moved = (before.person, before.bound_at) != (installation.person, installation.bound_at)
    flags = flags_of(holds)
    reflagged = moved or not before.exists or flags != flags_of(held)
    if moved:
        held |= was[before.person] if before.person else set()
        holds |= now[installation.person] if installation.person else set()
    return InstallationChange(
        installation.name,
        installation.application,
        new=not before.exists,
        moved=moved,
        person=installation.person,
        bound_at=installation.bound_at,
        gained=holds - held,
        lost=held - holds,
        flags=flags if reflagged else None,
        readdressed=before.address is not installation.address,
        address=installation.address,
    )
