"""Bodies of the SDK wire, turned into the arguments of commands.

The wire is JSON objects; a field that is missing stays as it is, an explicit null removes (R8). A
field that is not known is passed over, for SDKs of other versions send more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from addressee.application import Identity
from addressee.domain import InvalidValue, Kind

Body = Mapping[str, Any]

INSTALLATION_WORDS = {
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
"""Fields of an installation: the wire's name and ours. ``isPrimary`` is a command of its own."""

PERSON_WORDS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "middleName": "middle_name",
    "gender": "gender",
    "birthday": "birthday",
}
KINDS: Mapping[str, Kind] = {"externalUserId": "external_id", "phones": "msisdn", "emails": "email"}
ABSENT = frozenset({"null", "Null", "NULL"})
"""External ids that mean none (R1)."""


@dataclass(frozen=True, slots=True)
class PersonChanges:
    """What a body of the wire says of a person.

    Attributes:
        identity: the identifiers it gives.
        cleared: the kinds of identifiers that it sets to null.
        attributes: those it gives, None for one that is to go.
        tags: what the tags are to be, if it says so.
    """

    identity: Identity
    cleared: frozenset[Kind]
    attributes: dict[str, Any]
    tags: list[str] | None


def facts_of(body: Body) -> dict[str, Any]:
    """Return the arguments of ``register`` and ``update_installation`` that a body gives.

    Raises:
        InvalidValue: the body is no object.
    """
    return {
        ours: body[wire]
        for wire, ours in INSTALLATION_WORDS.items()
        if wire in object_of("body", body)
    }


def identity_of(body: Body) -> Identity:
    """Return the identity of a body with ``externalUserId``, ``phones`` and ``emails``.

    Raises:
        InvalidValue, PhoneInvalid, EmailInvalid, LimitExceeded: a field is malformed.
    """
    external_id: object = object_of("body", body).get("externalUserId")
    return Identity(
        # Compared one by one: what stands there may be of a type that no set can be asked for.
        external_id=None if external_id in (None, *ABSENT) else cast("str", external_id),
        msisdns=values_of(body, "phones", "number"),
        emails=values_of(body, "emails", "address"),
    )


def person_changes_of(body: Body) -> PersonChanges:
    """Return what a body says of a person: ``userAttributes``, or the body of a user's PATCH.

    Raises:
        InvalidValue, PhoneInvalid, EmailInvalid, LimitExceeded: a field is malformed.
    """
    identity = identity_of(body)
    attributes = {ours: body[wire] for wire, ours in PERSON_WORDS.items() if wire in body}
    custom = body.get("customAttributes")
    if custom is not None:
        if clash := object_of("customAttributes", custom).keys() & PERSON_WORDS.values():
            raise InvalidValue("customAttributes", f"may not be named {', '.join(sorted(clash))}")
        attributes |= custom
    cleared: frozenset[Kind] = frozenset(
        kind for wire, kind in KINDS.items() if wire in body and body[wire] in (None, *ABSENT)
    )
    tags = cast("list[str]", body["tags"] or []) if "tags" in body else None
    return PersonChanges(identity, cleared, attributes, tags)


def object_of(field: str, value: object) -> Body:
    """Return a JSON object; raises InvalidValue for anything else."""
    if not isinstance(value, Mapping):
        raise InvalidValue(field, "should be an object")
    return cast("Body", value)


def values_of(body: Body, field: str, key: str) -> Iterable[str]:
    """Return the values of a list of objects with one key each, such as ``{"number": …}``."""
    given: object = body.get(field)
    if given is None:
        return ()
    if not isinstance(given, list):
        raise InvalidValue(field, "should be a list of objects")
    items = cast("list[object]", given)
    return tuple(object_of(f"{field}[{n}]", item).get(key, "") for n, item in enumerate(items))
