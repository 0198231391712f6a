"""Translates bodies of the SDK's wire to arguments of commands.

A missing field changes nothing, an explicit null removes (R8). Unknown fields are ignored, since
other versions of the SDK send more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from addressee.application import Identity
from addressee.domain import InvalidValue, Kind, limits, values

Body = Mapping[str, Any]

INSTALLATION_FIELDS = {
    "regEnabled": "push_enabled",
    "notificationsEnabled": "notifications_enabled",
    "sdkVersion": "sdk_version",
    "appVersion": "app_version",
    "os": "os",
    "osVersion": "os_version",
    "deviceManufacturer": "device_manufacturer",
    "deviceModel": "device_model",
    "deviceSecure": "device_secure",
    "language": "language",
    "deviceTimezoneOffset": "timezone",
    "applicationUserId": "application_user_id",
    "deviceName": "device_name",
    "pushServiceType": "push_service",
    "pushServiceToken": "push_token",
    "customAttributes": "attributes",
}
"""Wire name → name of an argument. ``isPrimary`` is missing: it is a command of its own."""

PERSON_FIELDS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "middleName": "middle_name",
    "gender": "gender",
    "birthday": "birthday",
}
IDENTIFIER_FIELDS: Mapping[str, Kind] = {
    "externalUserId": "external_id",
    "phones": "msisdn",
    "emails": "email",
}
ABSENT = frozenset({"null", "Null", "NULL"})
"""External ids that mean "no external id" (R1)."""


@dataclass(frozen=True, slots=True)
class PersonChanges:
    """The changes of a person in a body of the wire.

    Attributes:
        identity: the given identifiers.
        cleared: the kinds of identifiers that are set to null.
        attributes: the given attributes, None for one to remove.
        tags: the new tags; None leaves them unchanged.
    """

    identity: Identity
    cleared: frozenset[Kind]
    attributes: dict[str, Any]
    tags: list[str] | None


def facts_of(body: Body) -> dict[str, Any]:
    """Return a body's arguments for ``register`` and ``update_installation``.

    Raises:
        InvalidValue: the body is not an object.
    """
    return {
        ours: body[wire]
        for wire, ours in INSTALLATION_FIELDS.items()
        if wire in object_of("body", body)
    }


def identity_of(body: Body) -> Identity:
    """Return the identity of a body with ``externalUserId``, ``phones`` and ``emails``.

    Raises:
        InvalidValue, PhoneInvalid, EmailInvalid, LimitExceeded: a field is malformed.
    """
    external_id: object = object_of("body", body).get("externalUserId")
    return Identity(
        # A tuple, since the given value may not be hashable.
        external_id=None if external_id in (None, *ABSENT) else cast("str", external_id),
        msisdns=values_of(body, "phones", "number"),
        emails=values_of(body, "emails", "address"),
    )


def person_changes_of(body: Body) -> PersonChanges:
    """Return a person's changes in ``userAttributes`` or in the body of a user's PATCH.

    Raises:
        InvalidValue, PhoneInvalid, EmailInvalid, LimitExceeded: a field is malformed.
    """
    identity = identity_of(body)
    attributes = {ours: body[wire] for wire, ours in PERSON_FIELDS.items() if wire in body}
    custom = body.get("customAttributes")
    if custom is not None:
        if clash := object_of("customAttributes", custom).keys() & PERSON_FIELDS.values():
            raise InvalidValue("customAttributes", f"may not be named {', '.join(sorted(clash))}")
        attributes |= custom
    cleared: frozenset[Kind] = frozenset(
        kind
        for wire, kind in IDENTIFIER_FIELDS.items()
        if wire in body and body[wire] in (None, *ABSENT)
    )
    tags = cast("list[str]", body["tags"] or []) if "tags" in body else None
    return PersonChanges(identity, cleared, attributes, tags)


def object_of(field: str, value: object) -> Body:
    """Return ``value`` if it is a JSON object; raises InvalidValue otherwise."""
    if not isinstance(value, Mapping):
        raise InvalidValue(field, "should be an object")
    return cast("Body", value)


def values_of(body: Body, field: str, key: str) -> Iterable[str]:
    """Return the values from a list of objects with one key each, such as ``{"number": …}``."""
    given: object = body.get(field)
    if given is None:
        return ()
    if not isinstance(given, list):
        raise InvalidValue(field, "should be a list of objects")
    # Counted before any is read (R57).
    items = values.items(field, cast("list[object]", given), limits.CONTACTS)
    return tuple(object_of(f"{field}[{n}]", item).get(key, "") for n, item in enumerate(items))
