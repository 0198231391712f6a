"""What is known of the person on an installation changes (R27)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from addressee.domain import (
    Aggregate,
    IdentifierClaim,
    Identity,
    Installation,
    Kind,
    OtherPerson,
    Person,
    PersonCreated,
    UserMergeInterrupted,
    Values,
    bind,
    tag_merged,
    update_merged,
)

from ..unit_of_work.results import Updated
from ..unit_of_work.unit_of_work import UnitOfWork
from .personalize import add_identifiers, opened


@dataclass(frozen=True, slots=True)
class UpdatePerson:
    """Change identifiers, attributes and tags; an anonymous installation gets a lead."""

    ANSWER: ClassVar = Updated

    installation: str
    add: Identity
    remove: Identity
    clear: frozenset[Kind]
    attributes: Values
    tags: frozenset[str] | None
    of: str | None = None

    actor = "device"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation and the claims on the identifiers."""
        yield Installation(self.installation)
        for identity in (self.add, self.remove):
            yield from (IdentifierClaim.on(i, key) for i in identity.identifiers())

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise NoRegistration, OtherPerson, or UserMergeInterrupted for an identifier."""
        installation, claims = opened(work, self.installation, self.add)
        owner = work.owner(installation)
        known = None if owner is None else work.seen(owner)
        if self.of is not None and (known is None or self.of not in known.values("external_id")):
            raise OtherPerson(self.installation)
        if known is not None:
            work.check_protection(installation, known)
        if owner is None and not (claims or self.attributes or self.tags):
            return Updated("unchanged", self.installation)
        person = owner or work.new(Person)
        group = work.group(person)
        own = {None, *(each.name for each in group)}
        for identifier, claim in claims.items():
            if claim.holder not in own and work.holder(claim) is not None:
                field = self.add.field_of(identifier)
                raise UserMergeInterrupted(field, "belongs to another person")
        for each in group:
            self._remove_identifiers(work, each)
        seen = work.seen(person)
        new = {i: claim for i, claim in claims.items() if i not in seen.identifiers}
        seen.check_room(new)
        if owner is None:
            person.record(PersonCreated, work.occasion, type="LEAD")
            bind(work.occasion, installation, person)
        add_identifiers(work, person, new)
        update_merged(work.occasion, group, person, self.attributes)
        if self.tags is not None:
            tag_merged(work.occasion, group, person, self.tags, frozenset(seen.tags) - self.tags)
        return Updated("updated" if work.recorded else "unchanged", self.installation, seen.name)

    def _remove_identifiers(self, work: UnitOfWork, person: Person) -> None:
        removed = set(self.remove.identifiers())
        for identifier in list(person.identifiers):
            if identifier in removed or identifier.kind in self.clear:
                person.remove_identifier(work.occasion, identifier)
                work.claim(identifier).release(work.occasion, identifier, person.name)
