"""The terms of an installation in the targeting index (R33, R34).

A term is the key of an expression's leaf, ``field:value``, with tags, facts and attributes in
Unicode NFC (R45). Identifiers are not indexed as terms: a claim leads to the person, and the person
to installations.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from .. import limits, values
from ..aggregates.installation import Installation
from ..aggregates.person import Person
from ..values import Scalar, Value, composed

ALL = "all"
"""Every live installation."""
REACHABLE = "reachable"
"""Every live installation with both flags on: the default audience of a push (R34)."""
PRIMARY = "primary"
FLAGS = {ALL: 1, REACHABLE: 2, PRIMARY: 4}
"""The terms that each installation's row tells too, as bits: lookups need no posting."""
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
"""Device facts that audiences may name; compared case-insensitively."""
INDEXED_FACTS = frozenset(FACT_FIELDS)


def key_of(field: str) -> str:
    """Return a field's name as keys write it: a colon in an attribute's name is escaped."""
    return field.replace("\\", "\\\\").replace(":", "\\:")


def attribute_text(value: Scalar) -> str:
    """Return an attribute's value as expressions write it: ``true``, ``3``, ``gold``."""
    return str(value).lower() if isinstance(value, bool) else composed(str(value))


def fact_text(value: str) -> str:
    """Return a device fact in the form in which audiences compare it."""
    return composed(value.casefold())


def indexed_names(given: object) -> frozenset[str]:
    """Return the names of attributes to index, as ``attr.name`` or ``iattr.name``.

    Raises:
        InvalidValue: they are no list of strings.
        LimitExceeded: there are too many, or one is too long.
    """
    field, longest = "indexed_attributes", limits.NAME + len("iattr.")
    names = values.items(field, given, limits.ATTRIBUTES_PER_COMMAND)
    return frozenset(values.text(field, name, longest, least=1) for name in names)


def installation_terms(installation: Installation, indexed: AbstractSet[str]) -> set[str]:
    """Return the terms of an installation itself; none once it has expired (R9).

    Args:
        installation: the current state.
        indexed: the attributes that the store indexes, as ``attr.name`` or ``iattr.name``.
    """
    if not installation.live:
        return set()
    terms = {ALL}
    if installation.push_enabled and installation.notifications_enabled:
        terms.add(REACHABLE)
    if installation.primary:
        terms.add(PRIMARY)
    for name, value in installation.facts.items():
        if name in INDEXED_FACTS:
            terms.add(f"{name}:{fact_text(str(value))}")
    for tag in installation.tags:
        terms.add(f"itag:{composed(tag)}")
    if indexed:
        terms |= attribute_terms("iattr", installation.attributes, indexed)
    return terms


def flags_of(terms: AbstractSet[str]) -> int:
    """Return which of `FLAGS` are among an installation's terms, as one number."""
    return sum([flag for term, flag in FLAGS.items() if term in terms])


def person_terms(person: Person, indexed: AbstractSet[str]) -> set[str]:
    """Return the terms that a person gives to each installation bound to the person.

    Args:
        person: the current state.
        indexed: the attributes that the store indexes, as ``attr.name`` or ``iattr.name``.
    """
    terms = {f"tag:{composed(tag)}" for tag in person.tags}
    terms.add(f"type:{person.type.lower()}")
    if indexed:
        terms |= attribute_terms("attr", person.attributes, indexed)
    return terms


def attribute_terms(
    prefix: str, attributes: Mapping[str, Value], indexed: AbstractSet[str]
) -> set[str]:
    """Return the terms of the indexed attributes; lists of objects have none (R46)."""
    return {
        f"{key_of(f'{prefix}.{name}')}:{attribute_text(value)}"
        for name, value in attributes.items()
        if f"{prefix}.{name}" in indexed and not isinstance(value, tuple)
    }
