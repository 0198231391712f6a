"""States of persons and installations as callers see them: immutable, and never changed later."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Self

from addressee.domain import (
    ExpiryReason,
    Identifier,
    Installation,
    Person,
    PersonType,
    Scalar,
    Value,
)


@dataclass(frozen=True, slots=True)
class PersonState:
    """A person as of one moment (R49); its ``repr`` shows no personal data.

    Attributes:
        name: the person's id; of merged persons the survivor's.
        type: ``LEAD`` or ``CUSTOMER``.
        identifiers: in the order in which they were added.
        attributes: name → value.
        tags: of the person, not of installations.
        devices: installation → application, in the order of binding.
        primaries: application → primary installation (R23).
        merged: ids of the persons that are merged into this one, whose data it shows too (R52).
    """

    name: str
    type: PersonType
    identifiers: tuple[Identifier, ...] = field(repr=False)
    attributes: Mapping[str, Value] = field(repr=False)
    tags: AbstractSet[str] = field(repr=False)
    devices: Mapping[str, str]
    primaries: Mapping[str, str]
    merged: tuple[str, ...] = ()

    @classmethod
    def of(cls, person: Person, within: str | None = None) -> Self:
        """Return the state of a committed aggregate, whose mappings never change again.

        Args:
            person: as it is seen.
            within: the only application whose installations the caller may see.
        """
        devices, primaries = person.devices, person.primaries
        if within is not None:
            devices = {name: code for name, code in devices.items() if code == within}
            primaries = {code: name for code, name in primaries.items() if code == within}
        return cls(
            person.name,
            person.type,
            tuple(person.identifiers),
            MappingProxyType(person.attributes),
            frozenset(person.tags),
            MappingProxyType(devices),
            MappingProxyType(primaries),
            person.merged,
        )

    def values(self, kind: str) -> list[str]:
        """Return the identifiers of one kind, in the order in which they were added."""
        return [value for held, value in self.identifiers if held == kind]


@dataclass(frozen=True, slots=True)
class InstallationState:
    """An installation as of one moment (R49); its ``repr`` shows no personal data.

    Attributes:
        name: the installation's id.
        application: its application's code.
        facts: what the device reports of itself: name → value.
        attributes: name → value, of the installation.
        tags: of the installation.
        push_enabled: the app's opt-in.
        notifications_enabled: the permission of the operating system.
        person: id of its person, if it has one.
        bound_at: since when.
        primary: whether it is the person's primary one in its application.
        expired: why it can't be reached any more; None while it is live.
    """

    name: str
    application: str
    facts: Mapping[str, Scalar] = field(repr=False)
    attributes: Mapping[str, Value] = field(repr=False)
    tags: AbstractSet[str] = field(repr=False)
    push_enabled: bool
    notifications_enabled: bool
    person: str | None
    bound_at: datetime | None
    primary: bool
    expired: ExpiryReason | None

    @classmethod
    def of(cls, installation: Installation) -> Self:
        """Return the state of a committed aggregate, whose mappings never change again."""
        return cls(
            installation.name,
            installation.application,
            MappingProxyType(installation.facts),
            MappingProxyType(installation.attributes),
            frozenset(installation.tags),
            installation.push_enabled,
            installation.notifications_enabled,
            installation.person,
            installation.bound_at,
            installation.primary,
            installation.expired,
        )
