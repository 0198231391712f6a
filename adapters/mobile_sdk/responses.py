"""What is known of installations and persons, in the words of the SDK wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from addressee.domain import Installation, Person

from .fields import INSTALLATION_WORDS, PERSON_WORDS


def instance_of(installation: Installation, *, secret: bool = False) -> dict[str, Any]:
    """Return an installation; its push token only where ``secret`` things may be told."""
    told: dict[str, Any] = {
        "pushRegId": installation.name,
        "regEnabled": installation.push_enabled,
        "notificationsEnabled": installation.notifications_enabled,
        "isPrimary": installation.primary,
        "customAttributes": {**installation.attributes},
    }
    for wire, ours in INSTALLATION_WORDS.items():
        if ours in installation.facts and (secret or ours != "push_token"):
            told[wire] = installation.facts[ours]
    return told


def user_of(person: Person | None, instances: Iterable[Installation] | None) -> dict[str, Any]:
    """Return a person; an installation that nobody is known on has an empty lead.

    Args:
        person: who.
        instances: the installations to tell of; None leaves them out.
    """
    told: dict[str, Any] = {"type": "LEAD"}
    if person is not None:
        told = {
            "type": person.type,
            "phones": [{"number": n, "preferred": False} for n in person.values("msisdn")],
            "emails": [{"address": a, "preferred": False} for a in person.values("email")],
            "tags": sorted(person.tags),
            **attributes_of(person),
        }
        for external_id in person.values("external_id"):
            told["externalUserId"] = external_id
    if instances is not None:
        told["instances"] = [instance_of(each) for each in instances]
    return told


def attributes_of(person: Person) -> dict[str, Any]:
    """Return a person's attributes: those that the wire knows by name, and the others."""
    known = {
        wire: person.attributes[ours]
        for wire, ours in PERSON_WORDS.items()
        if ours in person.attributes
    }
    named = set(PERSON_WORDS.values())
    custom = {name: value for name, value in person.attributes.items() if name not in named}
    return {**known, "customAttributes": custom}
