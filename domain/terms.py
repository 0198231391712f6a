"""The audience terms that an installation answers to: what the targeting index holds (R33, R34).

A term is the text of an expression's leaf, ``field:value``. The identifiers are no terms: they lead
to a person, and the person to installations.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from .installation import Installation
from .person import Person
from .values import Scalar

ALL = "all"
"""Every live installation."""
REACHABLE = "reachable"
"""Every live installation with both flags on: whom a push reaches by default (R34)."""
PRIMARY = "primary"
FACT_FIELDS = (
    "os",
    "os_version",
    "sdk_version",
    "app_version",
    "language",
    "device_manufacturer",
    "device_model",
    "timezone",
    "push_service",
)
"""Device facts that audiences may name; compared without regard to case."""


def term(field: str, value: str) -> str:
    """Return the term for a field and a value in its compared form."""
    return f"{field}:{value}"


def attribute_text(value: Scalar) -> str:
    """Return an attribute's value as an expression writes it: ``true``, ``3``, ``gold``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def installation_terms(installation: Installation, indexed: AbstractSet[str]) -> set[str]:
    """Return the terms that hold for an installation by itself; none once it has expired (R9).

    Args:
        installation: as it is now.
        indexed: the attributes that the index knows, as ``attr.name`` or ``iattr.name``.
    """
    if not installation.live:
        return set()
    terms = {ALL}
    if installation.push_enabled and installation.notifications_enabled:
        terms.add(REACHABLE)
    if installation.primary:
        terms.add(PRIMARY)
    facts = installation.facts
    terms.update(f"{name}:{str(facts[name]).casefold()}" for name in FACT_FIELDS if name in facts)
    terms.update(f"itag:{tag}" for tag in installation.tags)
    terms.update(
        f"iattr.{name}:{attribute_text(value)}"
        for name, value in installation.attributes.items()
        if f"iattr.{name}" in indexed
    )
    return terms


def person_terms(person: Person, indexed: AbstractSet[str]) -> set[str]:
    """Return the terms that hold for each of a person's installations while they are bound.

    Args:
        person: as it is now.
        indexed: the attributes that the index knows, as ``attr.name`` or ``iattr.name``.
    """
    terms = {f"tag:{tag}" for tag in person.tags}
    terms.add(f"type:{person.type.lower()}")
    terms.update(
        f"attr.{name}:{attribute_text(value)}"
        for name, value in person.attributes.items()
        if f"attr.{name}" in indexed
    )
    return terms
