"""A person signs in on an installation (R10 to R17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from addressee.domain import (
    Aggregate,
    DeviceLimitReached,
    Identifier,
    IdentifierClaim,
    Identity,
    Installation,
    Person,
    PersonCreated,
    Values,
    bind,
    candidate,
    check_acts_for,
    check_free,
    check_names_somebody,
    check_possible,
    tag_merged,
    update_merged,
)

from ..unit_of_work.results import Personalized, PersonalizeOutcome
from ..unit_of_work.unit_of_work import UnitOfWork
from .depersonalize import leave
from .set_primary import make_primary


@dataclass(frozen=True, slots=True)
class Personalize:
    """Bind an installation to the person that an identity names."""

    ANSWER: ClassVar = Personalized

    installation: str
    identity: Identity
    attributes: Values
    tags: frozenset[str] | None
    force: bool
    keep_as_lead: bool
    set_primary: bool
    of: str | None = None

    actor = "device"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation and the claims on the identifiers."""
        yield Installation(self.installation)
        yield from (IdentifierClaim.on(i, key) for i in self.identity.identifiers())

    def decide(self, work: UnitOfWork) -> Personalized:
        """Raise the first refusal in the order of R15."""
        installation, claims = opened(work, self.installation, self.identity)
        named = {claim.holder for claim in claims.values()}
        work.open(*(Person(name) for name in {*named, installation.person} if name))
        holders = {i: holder for i, claim in claims.items() if (holder := work.holder(claim))}
        seen_as = {i: work.seen(work.get(Person, name)).name for i, name in holders.items()}
        if self.of is not None:
            check_acts_for(self.of, installation, seen_as, self.identity)
        chosen = candidate(seen_as, self.identity)
        owner = work.owner(installation)
        seen_owner = None if owner is None else work.seen(owner)
        if chosen is not None:
            work.check_protection(installation, work.seen(work.get(Person, chosen)))
        check_free(installation, seen_owner, chosen, force=self.force)
        if chosen is not None:
            # Of merged persons it is the one whose identifier was given, the survivor first.
            chosen = chosen if chosen in holders.values() else next(iter(holders.values()))
        elif owner is not None and seen_owner is not None and not seen_owner.identified:
            chosen = owner.name
        person = work.get(Person, chosen) if chosen else work.new(Person)
        self._inform(work, person, {i: c for i, c in claims.items() if i not in holders})
        name = work.seen(person).name
        previous = seen_owner.name if seen_owner is not None and seen_owner.name != name else None
        if owner is not None and previous is None:
            outcome = self._again(work, installation, person)
        else:
            outcome = self._take(work, installation, owner, person)
        if self.set_primary:
            on = work.owner(installation) or person
            make_primary(work, installation, on)
        return Personalized(outcome, self.installation, name, previous, work.primary_moves())

    def _inform(
        self, work: UnitOfWork, person: Person, new: Mapping[Identifier, IdentifierClaim]
    ) -> None:
        """Record the person's new data; make the person if need be (R11, R12, R16)."""
        group, seen = work.group(person), work.seen(person)
        seen.check_room(new)
        if not person.exists:
            kind = "LEAD" if self.keep_as_lead else "CUSTOMER"
            person.record(PersonCreated, work.occasion, type=kind)
        add_identifiers(work, person, new)
        if not self.keep_as_lead:
            person.promote(work.occasion)
        update_merged(work.occasion, group, person, self.attributes)
        if self.tags is not None:
            tag_merged(work.occasion, group, person, self.tags, frozenset(seen.tags) - self.tags)

    def _again(
        self, work: UnitOfWork, installation: Installation, person: Person
    ) -> PersonalizeOutcome:
        """Return the outcome for a person who was on it before; no new binding (R14)."""
        # Signing in again is a touch, though nothing may be recorded (R26).
        work.touch(installation)
        before = person.before or person
        promoted = before.type != person.type or before.identified != person.identified
        return "promoted" if promoted else "unchanged"

    def _take(
        self, work: UnitOfWork, installation: Installation, owner: Person | None, person: Person
    ) -> PersonalizeOutcome:
        """Bind the installation, unbinding it first where somebody has it (R13)."""
        if owner is not None:
            # A lead that is left behind had no identifier to lose: nobody was forced out.
            identified = work.seen(owner).identified
            leave(work, installation, "forced" if identified else "superseded")
        make_room(work, installation, work.seen(person))
        bind(work.occasion, installation, person)
        return "attached" if owner is None else "rebound"


def make_room(work: UnitOfWork, installation: Installation, person: Person) -> None:
    """Evict a person's least recently used installations where the policy's cap is reached.

    Args:
        work: the command's.
        installation: needs room.
        person: as it is seen.

    Raises:
        DeviceLimitReached: the policy is to refuse.
    """
    devices = [name for name, app in person.devices.items() if app == installation.application]
    if not devices:
        return
    cap = work.cap(installation.application)
    if cap is None or len(devices) < cap.most:
        return
    if cap.over == "refuse":
        raise DeviceLimitReached(cap.most)
    work.open(*map(Installation, devices))
    by_use = sorted(devices, key=lambda name: last_used(work, name))
    for name in by_use[: len(devices) - cap.most + 1]:
        leave(work, work.get(Installation, name), "evicted")


def last_used(work: UnitOfWork, name: str) -> datetime:
    """Return when a bound installation was bound or last touched."""
    bound_at = work.get(Installation, name).bound_at or datetime.min.replace(tzinfo=UTC)
    return max(bound_at, work.last_seen(name) or bound_at)


def opened(
    work: UnitOfWork, name: str, identity: Identity
) -> tuple[Installation, dict[Identifier, IdentifierClaim]]:
    """Return an installation, and the claims on the identifiers that a caller gives it.

    Raises:
        PhoneInvalid: a phone number that nobody holds does not exist (R2). Numbers that somebody
            holds stay valid, whatever later metadata says (R45).
        NoRegistration: the installation is unknown or expired.
        UserIdentityInvalid: the external id stands for nobody (R44).
    """
    claims = {identifier: work.claim(identifier) for identifier in identity.identifiers()}
    for identifier, claim in claims.items():
        if identifier.kind == "msisdn" and claim.holder is None:
            check_possible(identifier.value, identity.field_of(identifier))
    installation = work.installation(name)
    if identity.external_id is not None:
        none_ids = work.limits_of(installation.application).none_ids
        check_names_somebody(identity.external_id, none_ids)
    return installation, claims


def add_identifiers(
    work: UnitOfWork, person: Person, new: Mapping[Identifier, IdentifierClaim]
) -> None:
    """Record identifiers on the person and claim them, in the same transaction (R5, R12)."""
    for identifier, claim in new.items():
        person.add_identifier(work.occasion, identifier)
        claim.take(work.occasion, identifier, person.name)
