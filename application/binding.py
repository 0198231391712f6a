"""Decisions about whose an installation is: personalize, depersonalize, primary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from addressee.domain import (
    DepersonalizeReason,
    Facts,
    Forbidden,
    Identifier,
    IdentifierClaim,
    Identity,
    Installation,
    NotPersonalized,
    Person,
    PersonCreated,
    UserMergeInterrupted,
    bind,
    candidate,
    check_free,
    move_primary,
    unbind,
)

from .results import Depersonalized, Personalized, Updated
from .work import Work


@dataclass(frozen=True, slots=True)
class SignIn:
    """What ``personalize`` was asked for, checked."""

    identity: Identity
    attributes: Facts
    tags: frozenset[str] | None
    force: bool
    keep_as_lead: bool
    set_primary: bool


def personalize(work: Work, name: str, asked: SignIn) -> Personalized:
    """Bind an installation to the person whom the identity names (R11 to R17)."""
    identifiers = list(asked.identity.identifiers())
    open_with_claims(work, name, identifiers)
    installation = work.installation(name)
    claims = [work.claim(identifier) for identifier in identifiers]
    holders = {
        field_of(asked.identity, identifier): claim.holder
        for identifier, claim in zip(identifiers, claims, strict=True)
        if claim.holder is not None
    }
    chosen = candidate(holders)
    work.open(*(Person(p) for p in {chosen, installation.person} if p))
    owner = work.owner(installation)
    check_free(installation, owner, chosen, force=asked.force)
    if chosen is None and owner is not None and not owner.identified:
        chosen = owner.name
    person = work.get(Person(chosen or work.rules.new_id()))
    was_lead = person.exists and person.type == "LEAD"
    was_known = person.identified

    new = [i for i, claim in zip(identifiers, claims, strict=True) if claim.holder is None]
    person.check_room(new)
    if not person.exists:
        kind = "LEAD" if asked.keep_as_lead else "CUSTOMER"
        person.record(PersonCreated, work.occasion, type=kind)
    add_identifiers(work, person, new)
    if not asked.keep_as_lead:
        person.promote(work.occasion)
    person.update(work.occasion, asked.attributes)
    if asked.tags is not None:
        person.replace_tags(work.occasion, asked.tags)

    outcome: Literal["attached", "promoted", "rebound", "unchanged"]
    previous = None
    if owner is person:
        promoted = (was_lead and person.type == "CUSTOMER") or (not was_known and person.identified)
        outcome = "promoted" if promoted else "unchanged"
        # Signing in again is a sign of life, though nothing may be recorded (R14, R26).
        work.transaction.touch(name, work.occasion.timestamp)
    else:
        outcome = "attached"
        if owner is not None:
            # A lead that is left behind had no identifier to lose: nobody was forced out (R13).
            leave(work, installation, "forced" if owner.identified else "superseded")
            outcome, previous = "rebound", owner.name
        bind(work.occasion, installation, person)
    if asked.set_primary:
        make_primary(work, installation, person)
    return Personalized(outcome, name, person.name, previous, work.primary_moves())


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What ``update_person`` was asked for, checked."""

    add: Identity
    remove: Identity
    attributes: Facts
    tags: frozenset[str] | None


def update_person(work: Work, name: str, asked: PersonChange) -> Updated:
    """Change what is known of the person on an installation; make a lead if there is none (R27)."""
    added, removed = list(asked.add.identifiers()), list(asked.remove.identifiers())
    open_with_claims(work, name, [*added, *removed])
    installation = work.installation(name)
    owner = work.owner(installation)
    person = owner or work.get(Person(work.rules.new_id()))
    for identifier in added:
        if work.claim(identifier).holder not in (None, person.name):
            raise UserMergeInterrupted(field_of(asked.add, identifier), "belongs to another person")
    held = [i for i in removed if i in person.identifiers]
    new = [i for i in added if i not in person.identifiers]
    for identifier in held:
        person.remove_identifier(work.occasion, identifier)
        work.claim(identifier).release(work.occasion, identifier, person.name)
    person.check_room(new)
    if owner is None:
        if not (new or asked.attributes or asked.tags):
            return Updated("unchanged", name)
        person.record(PersonCreated, work.occasion, type="LEAD")
        bind(work.occasion, installation, person)
    add_identifiers(work, person, new)
    person.update(work.occasion, asked.attributes)
    if asked.tags is not None:
        person.replace_tags(work.occasion, asked.tags)
    return Updated("updated" if work.recorded else "unchanged", name, person.name)


def tag(
    work: Work,
    name: str,
    add: frozenset[str],
    remove: frozenset[str],
    replace: frozenset[str] | None,
) -> Updated:
    """Change a person's tags (R28)."""
    person = work.person(name)
    if replace is not None:
        add, remove = replace, frozenset(person.tags) - replace
    person.change_tags(work.occasion, add, remove)
    return Updated("updated" if work.recorded else "unchanged", None, name)


def depersonalize(
    work: Work, name: str, reason: DepersonalizeReason, by: str | None
) -> Depersonalized:
    """Unbind an installation; nothing is recorded where it is anonymous already (R18, R21)."""
    installation = acted_on(work, name, by)
    person = installation.person
    leave(work, installation, reason)
    outcome: Literal["depersonalized", "unchanged"] = "depersonalized" if person else "unchanged"
    return Depersonalized(outcome, (name,), person, work.primary_moves())


def depersonalize_all(work: Work, name: str, reason: DepersonalizeReason) -> Depersonalized:
    """Unbind every installation of a person (R22)."""
    person = work.person(name)
    devices = tuple(person.devices)
    work.open(*map(Installation, devices))
    for device in devices:
        # No successor: with "most_recent" the flag would only wander over those that leave too.
        unbind(
            work.occasion, work.get(Installation(device)), person, reason, "none", work.installation
        )
    return Depersonalized(
        "depersonalized" if devices else "unchanged", devices, name, work.primary_moves()
    )


def end_session(work: Work, name: str, before: datetime) -> Depersonalized:
    """Unbind an installation whose session is still as old as the caller saw it (R26)."""
    seen = work.transaction.last_seen(name)
    if seen is None or seen > before:
        return Depersonalized("unchanged", (name,))
    return depersonalize(work, name, "session_expired", by=None)


def set_primary(work: Work, name: str, primary: bool, by: str | None) -> Updated:  # noqa: FBT001 # the command's own argument
    """Give an installation its person's primary flag, or take it (R23, R25)."""
    installation = acted_on(work, name, by)
    person = work.owner(installation)
    if person is None:
        raise NotPersonalized(name)
    if primary:
        make_primary(work, installation, person)
    elif installation.primary:
        move_primary(work.occasion, person, installation.application, installation, None)
    moves = work.primary_moves()
    return Updated("updated" if moves else "unchanged", name, person.name, moves)


def leave(work: Work, installation: Installation, reason: DepersonalizeReason) -> None:
    """Unbind an installation from whoever has it, if anybody does."""
    if person := work.owner(installation):
        unbind(work.occasion, installation, person, reason, work.rules.successor, work.installation)


def make_primary(work: Work, installation: Installation, person: Person) -> None:
    """Move the person's primary flag of the application to this installation."""
    holder = person.primaries.get(installation.application)
    previous = work.get(Installation(holder)) if holder else None
    move_primary(work.occasion, person, installation.application, previous, installation)


def acted_on(work: Work, name: str, by: str | None) -> Installation:
    """Return the installation that a command acts on; only its person's own may (R21)."""
    if by is None or by == name:
        return work.installation(name)
    work.open(Installation(by), Installation(name))
    caller, installation = work.installation(by), work.installation(name)
    if caller.person is None or caller.person != installation.person:
        raise Forbidden(name, by)
    return installation


def open_with_claims(work: Work, name: str, identifiers: list[Identifier]) -> None:
    """Read an installation and the claims on identifiers in one query."""
    key = work.store.identifier_key
    work.open(Installation(name), *(IdentifierClaim.on(i, key) for i in identifiers))


def add_identifiers(work: Work, person: Person, identifiers: list[Identifier]) -> None:
    """Record identifiers on the person and claim them, in the same transaction (R5, R12)."""
    for identifier in identifiers:
        person.add_identifier(work.occasion, identifier)
        work.claim(identifier).take(work.occasion, identifier, person.name)


def field_of(identity: Identity, identifier: Identifier) -> str:
    """Return the name of the field in which an identity holds an identifier."""
    kind, value = identifier
    if kind == "external_id":
        return kind
    values = identity.msisdns if kind == "msisdn" else identity.emails
    return f"{kind}s[{values.index(value)}]"
