"""Airship: listings of channels, as JSON lines or pages of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from addressee.domain import limits, values

from ..cells import (
    attributes_of,
    facts_of,
    flag_of,
    moment_of,
    need_text,
    object_in,
    person_of,
    text_of,
    texts_in,
    web_push,
)
from ..imported_rows import Format, Options, Record, Row, RowKind, RowState, Skip

SERVICES = {
    "ios": {"os": "ios", "push_service": "apns"},
    "android": {"os": "android", "push_service": "fcm"},
    "amazon": {"os": "fireos", "push_service": "adm"},
}
CONTACTS: dict[str, RowKind] = {"email": "email", "sms": "msisdn"}
OWN_GROUPS = ("ua_", "device", "timezone")
"""Beginnings of tag groups that Airship fills, or lists a second time."""


def rows(record: Record, _: Options) -> Iterator[Row | Skip]:
    """Yield the row of a channel; its model, language and version are tag groups."""
    kind = need_text(record, "device_type").lower()
    address = address_of(record)
    shared = facts_of_kind(record, kind, address)
    if kind == "web" and shared is None:
        yield Skip("web_push_without_keys")
        return
    if shared is None and kind not in CONTACTS:
        yield Skip("service_not_supported")
        return
    if address is None:
        yield Skip("no_address")
        return
    if kind in CONTACTS and state_of(record) == "dead":
        yield Skip("dead_contact")
        return
    name, person = need_text(record, "channel_id"), person_of(record, "named_user_id")
    seen = moment_of(record, "last_registration", "created")
    attributes = attributes_of(object_in(record, "attributes")) if person else {}
    if kind in CONTACTS:
        yield Row(name, CONTACTS[kind], address, person, attributes=attributes, seen=seen)
        return
    groups, told = object_in(record, "tag_groups"), object_in(record, "device_attributes")
    yield Row(
        name,
        "push",
        address,
        person,
        facts=(shared or {})
        | facts_of(
            app_version=only(groups, f"ua_{kind}_app_version") or text_of(told, "ua_app_version"),
            os_version=only(groups, f"ua_{kind}_version") or text_of(told, "ua_device_os"),
            device_model=text_of(told, "ua_device_model"),
            language=only(groups, "ua_locale_language") or text_of(told, "ua_language"),
            timezone=only(groups, "timezone"),
        ),
        device={} if person else attributes_of(object_in(record, "attributes")),
        tags=tags_of(record, groups),
        attributes=attributes,
        seen=seen,
        state=state_of(record),
    )


def address_of(record: Record) -> str | None:
    """Return the address of a channel, which e-mail channels have under another name."""
    names = ("push_address", "address", "email_address")
    return next((found for name in names if (found := text_of(record, name)) is not None), None)


def facts_of_kind(record: Record, kind: str, address: str | None) -> dict[str, str] | None:
    """Return the facts of a kind of device, None for another kind and a browser without keys."""
    if kind != "web":
        return SERVICES.get(kind)
    keys = object_in(object_in(record, "web"), "subscription")
    return web_push(address, text_of(keys, "p256dh"), text_of(keys, "auth"))


def state_of(record: Record) -> RowState:
    """Return whether a channel is uninstalled, opted out or live."""
    if flag_of(record, "installed") is False:
        return "dead"
    return "opted_out" if flag_of(record, "opt_in") is False else "live"


def only(groups: Mapping[str, object], name: str) -> str | None:
    """Return the first tag of a group, if it has one."""
    return next(iter(texts_in(groups, name)), None)


def tags_of(record: Record, groups: Mapping[str, object]) -> tuple[str, ...]:
    """Return the device's tags, and those of other groups as ``group:tag``; raises LimitExceeded.

    A group's name is repeated for each of its tags, and so is checked before.
    """
    others = [group for group in groups if not group.startswith(OWN_GROUPS)]
    for group in others:
        values.text("tag group", group, limits.NAME)
    grouped = (f"{group}:{tag}" for group in others for tag in texts_in(groups, group))
    return tuple(dict.fromkeys((*texts_in(record, "tags"), *grouped)))


AIRSHIP = Format(
    "airship",
    rows,
    needs=("channel_id", "device_type"),
    hint="take the listing of channels",
    person=lambda _: ("named_user_id",),
    pages="channels",
)
