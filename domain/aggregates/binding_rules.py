"""The rules that span an installation and the persons who sign in on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from .. import events
from ..errors import (
    AmbiguousPersonalizeCandidates,
    OtherPerson,
    PersonalizationImpossible,
    UserMergeInterrupted,
)
from ..person_identifiers import Identifier, Identity
from .base import Occasion
from .installation import Installation
from .person import Person

Successor = Literal["none", "most_recent"]
"""Which installation becomes primary when the primary one leaves (R24)."""


def candidate(holders: Mapping[Identifier, str], identity: Identity) -> str | None:
    """Return the one person that holds any of the given identifiers, or None (R11).

    Args:
        holders: identifier → id of the person that holds it.
        identity: the given identity; an error names its fields.

    Raises:
        AmbiguousPersonalizeCandidates: two or more persons hold them.
    """
    persons = set(holders.values())
    if len(persons) > 1:
        raise AmbiguousPersonalizeCandidates(tuple(map(identity.field_of, holders)))
    return next(iter(persons), None)


def check_acts_for(
    external_id: str,
    installation: Installation,
    holders: Mapping[Identifier, str],
    identity: Identity,
) -> None:
    """Refuse an identity that a caller who may act for one person only can't sign in (R55).

    Args:
        external_id: that person's.
        installation: where the person is to sign in.
        holders: identifier → id of the person that holds it.
        identity: what was given.

    Raises:
        OtherPerson: the identity does not have that external id.
        UserMergeInterrupted: another person holds one of its identifiers.
    """
    if identity.external_id != external_id:
        raise OtherPerson(installation.name)
    person = holders.get(Identifier("external_id", external_id))
    for identifier, holder in holders.items():
        if holder != person:
            raise UserMergeInterrupted(identity.field_of(identifier), "belongs to another person")


def check_free(
    installation: Installation, owner: Person | None, chosen: str | None, *, force: bool
) -> None:
    """Check that an installation is not taken from an identified person without force (R13).

    Args:
        installation: the installation to bind.
        owner: the person it is bound to now, if any.
        chosen: id of the person to bind it to; None for a new person.
        force: whether the caller asked to take it.

    Raises:
        PersonalizationImpossible: another identified person owns it, and ``force`` is false.
    """
    if owner is not None and owner.identified and owner.name != chosen and not force:
        raise PersonalizationImpossible(installation.name)


def bind(occasion: Occasion, installation: Installation, person: Person) -> None:
    """Record on both streams that the installation belongs to the person (R29)."""
    for aggregate in (installation, person):
        aggregate.record(
            events.DevicePersonalized,
            occasion,
            installation=installation.name,
            application=installation.application,
            person=person.name,
        )


def unbind(  # noqa: PLR0913, PLR0917 # each is named by a rule
    occasion: Occasion,
    installation: Installation,
    person: Person,
    reason: events.DepersonalizeReason,
    heir: tuple[Installation, Person] | None = None,
    superseded_by: str | None = None,
) -> None:
    """Record on both streams that the person left the installation; a no-op if not bound (R18).

    A primary installation loses its flag; ``heir``, if there is one, inherits it with its own
    person, who may be merged with this one (R24).
    """
    if installation.person != person.name:
        return
    if installation.primary:
        to_own = heir is not None and heir[1] is person
        current = heir[0] if heir is not None and to_own else None
        move_primary(occasion, person, installation.application, installation, current)
        if heir is not None and not to_own:
            move_primary(occasion, heir[1], installation.application, None, heir[0])
    for aggregate in (installation, person):
        aggregate.record(
            events.DeviceDepersonalized,
            occasion,
            installation=installation.name,
            application=installation.application,
            person=person.name,
            reason=reason,
            superseded_by=superseded_by,
        )


def move_primary(
    occasion: Occasion,
    person: Person,
    application: str,
    previous: Installation | None,
    current: Installation | None,
) -> bool:
    """Record on each stream concerned that the primary flag moved (R23).

    Returns:
        Whether the flag moved.
    """
    if previous is current or (previous and current and previous.name == current.name):
        return False
    for aggregate in filter(None, (person, previous, current)):
        aggregate.record(
            events.PrimaryChanged,
            occasion,
            application=application,
            person=person.name,
            previous=previous and previous.name,
            current=current and current.name,
        )
    return True
