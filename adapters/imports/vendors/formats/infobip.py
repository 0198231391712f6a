"""Infobip: exported people as JSON lines, each with its push registrations.

A registration id is no token: such an installation is reached through the vendor only.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..cells import (
    attributes_of,
    facts_of,
    flag_of,
    need_text,
    object_in,
    objects_in,
    person_of,
    text_of,
    texts_in,
)
from ..imported_rows import Format, Options, Record, Row, Skip

NAMES = {
    "firstName": "first_name",
    "middleName": "middle_name",
    "lastName": "last_name",
    "gender": "gender",
    "birthDate": "birthday",
}
ENABLED = ("registrationEnabled", "pushEnabled", "notificationsEnabled")
"""Flags of a registration or its ``systemData``: nothing is sent where one of them is false."""


def rows(record: Record, _: Options) -> Iterator[Row | Skip]:
    """Yield the rows of a person: one for each push registration."""
    contacts = object_in(record, "contactInformation")
    registrations = objects_in(contacts, "push")
    if not registrations:
        yield Skip("person_without_device")
    for registration in registrations:
        system = {**registration, **object_in(registration, "systemData")}
        disabled = False in {flag_of(system, name) for name in ENABLED}
        yield Row(
            need_text(registration, "registrationId"),
            "push",
            None,
            person_of(record, "externalId"),
            emails=texts_of(contacts, "email", "address"),
            msisdns=texts_of(contacts, "phone", "number"),
            facts=facts_of(push_service="infobip", **device_facts(system)),
            device=attributes_of(object_in(registration, "additionalData")),
            attributes=attributes_of(
                {
                    **object_in(record, "customAttributes"),
                    **{ours: record.get(name) for name, ours in NAMES.items()},
                }
            ),
            person_tags=texts_in(record, "tags") or None,
            primary=flag_of(registration, "isPrimary") is True,
            state="opted_out" if disabled else "live",
        )


def device_facts(system: Record) -> dict[str, str | None]:
    """Return the device facts in what the vendor knows of a registration."""
    platform = text_of(system, "os") or text_of(system, "platform")
    return {
        "os": platform.lower() if platform else None,
        "os_version": text_of(system, "osVersion"),
        "app_version": text_of(system, "applicationVersion"),
        "sdk_version": text_of(system, "sdkVersion"),
        "device_manufacturer": text_of(system, "deviceManufacturer"),
        "device_model": text_of(system, "deviceModel"),
        "language": text_of(system, "osLanguage"),
    }


def texts_of(contacts: Record, name: str, field: str) -> tuple[str, ...]:
    """Return the values of one kind of contact."""
    found = (text_of(each, field) for each in objects_in(contacts, name))
    return tuple(value for value in found if value is not None)


INFOBIP = Format(
    "infobip",
    rows,
    needs=("contactInformation",),
    hint="take the export of persons",
    pages="persons",
)
