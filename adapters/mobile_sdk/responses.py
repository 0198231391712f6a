"""Installations and persons as bodies of the SDK's wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from addressee.application import InstallationState, PersonState

from .request_fields import INSTALLATION_FIELDS, PERSON_FIELDS


def instance_of(installation: InstallationState, *, secret: bool = False) -> dict[str, Any]:
    """Return an installation; ``secret`` adds its push token."""
    body: dict[str, Any] = {
        "pushRegId": installation.name,
        "regEnabled": installation.push_enabled,
        "notificationsEnabled": installation.notifications_enabled,
        "isPrimary": installation.primary,
        "customAttributes": {**installation.attributes},
    }
    for wire, ours in INSTALLATION_FIELDS.items():
        if ours in installation.facts and (secret or ours != "push_token"):
            body[wire] = installation.facts[ours]
    return body


def user_of(
    person: PersonState | None, instances: Iterable[InstallationState] | None
) -> dict[str, Any]:
    """Return a person; None, the person of an anonymous installation, is an empty lead.

    Args:
        person: the person.
        instances: the person's installations; None leaves the field out.
    """
    body: dict[str, Any] = {"type": "LEAD"}
    if person is not None:
        body = {
            "type": person.type,
            "phones": [{"number": n, "preferred": False} for n in person.values("msisdn")],
            "emails": [{"address": a, "preferred": False} for a in person.values("email")],
            "tags": sorted(person.tags),
            **attributes_of(person),
        }
        for external_id in person.values("external_id"):
            body["externalUserId"] = external_id
    if instances is not None:
        body["instances"] = [instance_of(each) for each in instances]
    return body


def attributes_of(person: PersonState) -> dict[str, Any]:
    """Return a person's attributes: the predefined ones by name, then ``customAttributes``."""
    known = {
        wire: person.attributes[ours]
        for wire, ours in PERSON_FIELDS.items()
        if ours in person.attributes
    }
    named = set(PERSON_FIELDS.values())
    custom = {name: value for name, value in person.attributes.items() if name not in named}
    return {**known, "customAttributes": custom}
