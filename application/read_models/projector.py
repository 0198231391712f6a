"""From changed aggregates to changes of read models, one fold for every adapter (R37)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from addressee.domain import (
    Aggregate,
    IdentifierClaim,
    Installation,
    Person,
    Segment,
    Value,
    differing,
    installation_terms,
    person_terms,
    seen_persons,
)
from addressee.domain.audiences.index_terms import flags_of

from ..ports.read_model_changes import Changes, InstallationChange


def project(aggregates: Iterable[Aggregate], indexed: AbstractSet[str], key: bytes) -> Changes:
    """Return what the read models must change so that they show the aggregates.

    Args:
        aggregates: every aggregate of the transaction, as drafts that know their state before. An
            installation that changes hands comes with both its persons, a person with all that are
            or were merged with it, and one who is seen as another one with every installation.
        indexed: the attributes that audiences may use, as ``attr.name`` or ``iattr.name``.
        key: the store's identifier key.
    """
    installations: list[Installation] = []
    persons: dict[str, Person] = {}
    claims: list[IdentifierClaim] = []
    segments: dict[tuple[str, str], str | None] = {}
    for aggregate in aggregates:
        if isinstance(aggregate, Installation):
            installations.append(aggregate)
        elif isinstance(aggregate, Person):
            persons[aggregate.name] = aggregate
        elif isinstance(aggregate, IdentifierClaim) and aggregate.changed:
            claims.append(aggregate)
        elif isinstance(aggregate, Segment) and aggregate.changed:
            segments[aggregate.place] = aggregate.expression
    before, after = owners_of(persons, indexed)
    moved = [
        person
        for name, person in persons.items()
        if before.seen[name].name != after.seen[name].name
    ]
    holders = {
        IdentifierClaim.on(identifier, key).id: after.name(person.name)
        for person in moved
        for identifier in person.identifiers
    } | {claim.id: after.name(claim.holder) for claim in claims}
    # What is renamed is held under its new name alone.
    holders |= {claim.earlier: None for claim in claims if claim.earlier is not None}
    names = {person.name for person in moved}
    changes = [
        change_of(installation, before, after, indexed)
        for installation in installations
        if installation.changed or installation.person in names
    ]
    handed_over = {change.installation for change in changes if change.moved}
    for name, person in persons.items():
        was, now = before.terms[name], after.terms[name]
        if was != now:
            changes += (
                InstallationChange(device, application, gained=now - was, lost=was - now)
                for device, application in person.devices.items()
                if device not in handed_over
            )
    erased = {
        name: person.destroyed_keys
        for name, person in persons.items()
        if person.destroyed_keys is not None and person.changed
    } | {
        each.id: each.destroyed_keys
        for each in installations
        if each.destroyed_keys is not None and each.changed
    }
    return Changes(changes, holders, segments, erased)


class Owners(NamedTuple):
    """Persons as they are seen, and the terms they give to their installations; each by id."""

    seen: Mapping[str, Person]
    terms: Mapping[str, AbstractSet[str]]

    def name(self, person: str | None) -> str | None:
        """Return the id of the person as whom a person is seen."""
        seen = None if person is None else self.seen.get(person)
        return person if seen is None else seen.name

    def terms_of(self, person: str | None) -> AbstractSet[str]:
        """Return the terms of an installation's person, if it has one."""
        return frozenset() if person is None else self.terms[person]


def owners_of(persons: Mapping[str, Person], indexed: AbstractSet[str]) -> tuple[Owners, Owners]:
    """Return persons as they were seen before, and as they are."""
    before = seen_persons({name: person.before or person for name, person in persons.items()})
    after = seen_persons(persons)
    was = {name: person_terms(person, indexed) for name, person in before.items()}
    now = {
        name: was[name] if same_terms(before[name], person) else person_terms(person, indexed)
        for name, person in after.items()
    }
    return Owners(before, was), Owners(after, now)


def same_terms(before: Person, person: Person) -> bool:
    """Whether nothing changed from which the terms of a person are derived."""
    return before is person or (
        before.tags == person.tags
        and before.type == person.type
        and same_values(before.attributes, person.attributes)
    )


def same_own_terms(before: Installation, installation: Installation) -> bool:
    """Whether nothing changed from which an installation's own terms are derived."""
    return before is installation or (
        before.exists
        and before.expired == installation.expired
        and before.primary == installation.primary
        and before.push_enabled == installation.push_enabled
        and before.notifications_enabled == installation.notifications_enabled
        and before.facts == installation.facts
        and before.tags == installation.tags
        and same_values(before.attributes, installation.attributes)
    )


def same_values(before: Mapping[str, Value], now: Mapping[str, Value]) -> bool:
    """Whether attributes are the same; Python holds 1, 1.0 and True for equal, terms do not."""
    return before == now and (not now or not differing(before, now))


def change_of(
    installation: Installation, then: Owners, now: Owners, indexed: AbstractSet[str]
) -> InstallationChange:
    """Return what changes for one installation, given the persons before and after."""
    before = installation.before or installation
    holds = held = installation_terms(installation, indexed)
    gained: AbstractSet[str] = frozenset()
    lost: AbstractSet[str] = frozenset()
    if not same_own_terms(before, installation):
        held = installation_terms(before, indexed)
        gained, lost = holds - held, held - holds
    owned, owns = then.name(before.person), now.name(installation.person)
    # Within a page that is replayed, an installation can leave a person and come back.
    moved = (owned, before.bound_at) != (owns, installation.bound_at)
    freed = before.anonymous_from != installation.anonymous_from
    flags = flags_of(holds)
    reflagged = moved or freed or not before.exists or flags != flags_of(held)
    if moved:  # no term of a person is one of an installation's own
        left, joined = then.terms_of(before.person), now.terms_of(installation.person)
        gained, lost = gained | (joined - left), lost | (left - joined)
    return InstallationChange(
        installation.name,
        installation.application,
        new=not before.exists,
        moved=moved,
        person=owns,
        bound_at=installation.bound_at,
        gained=gained,
        lost=lost,
        flags=flags if reflagged else None,
        anonymous_from=installation.anonymous_from,
        readdressed=before.address is not installation.address,
        address=installation.address,
    )
