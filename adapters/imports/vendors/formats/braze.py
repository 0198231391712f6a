"""Braze: exported users as JSON lines, each with its push tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from addressee.domain import InvalidValue

from ..cells import (
    attributes_of,
    digest,
    facts_of,
    flag_of,
    moment_of,
    need_text,
    object_in,
    objects_in,
    person_of,
    text_of,
)
from ..imported_rows import Format, Options, Record, Row, Skip

SERVICES = {
    "ios": {"os": "ios", "push_service": "apns"},
    "android": {"os": "android", "push_service": "fcm"},
    "kindle": {"os": "fireos", "push_service": "adm"},
}
NAMES = ("first_name", "last_name", "gender")


def rows(record: Record, _: Options) -> Iterator[Row | Skip]:
    """Yield the rows of a user: one for each push token, one for its e-mail, one for its phone."""
    person = person_of(record, "external_id")
    user = text_of(record, "braze_id") or person
    if user is None:
        raise InvalidValue("braze_id", "is missing, and so is external_id")
    tokens = objects_in(record, "push_tokens")
    if not tokens:
        yield Skip("no_address")
    attributes = attributes_of(
        {**object_in(record, "custom_attributes"), **{name: record.get(name) for name in NAMES}}
    )
    opted_out = (text_of(record, "push_subscribe") or "").lower() == "unsubscribed"
    for token in tokens:
        yield device(record, token, user, person, attributes, opted_out=opted_out)
    if (email := text_of(record, "email")) is not None:
        yield Row(user, "email", email, person)
    if (phone := text_of(record, "phone")) is not None:
        yield Row(user, "msisdn", phone, person)


def device(  # noqa: PLR0913 # the parts of a user
    record: Record,
    token: Record,
    user: str,
    person: str | None,
    attributes: dict[str, Any],
    *,
    opted_out: bool,
) -> Row | Skip:
    """Return the row of one of a user's push tokens."""
    platform, address = need_text(token, "platform").lower(), text_of(token, "token")
    if platform == "web":
        return Skip("web_push_without_keys")
    if platform not in SERVICES:
        return Skip("service_not_supported")
    if address is None:
        return Skip("no_address")
    disabled = flag_of(token, "notifications_enabled") is False
    # Apps of several platforms may have one name.
    app = found_in(record, "apps", token, {"name": "app", "platform": "platform"}) or found_in(
        record, "apps", token, {"name": "app"}
    )
    used = found_in(record, "devices", token, {"device_id": "device_id"})
    return Row(
        f"braze:{digest(user, text_of(token, 'app'), address)}",
        "push",
        address,
        person,
        facts=SERVICES[platform]
        | facts_of(
            app_version=text_of(app, "version"),
            device_model=text_of(used, "model"),
            language=text_of(record, "language"),
            timezone=text_of(record, "time_zone"),
        ),
        device={} if person else attributes,
        attributes=attributes if person else {},
        seen=moment_of(app, "last_used"),
        state="opted_out" if opted_out or disabled else "live",
    )


def found_in(record: Record, name: str, token: Record, fields: Mapping[str, str]) -> Record:
    """Return the app or device that a token belongs to; an empty one where it is not told.

    Args:
        record: a user.
        name: the list of apps or devices.
        token: one of the user's push tokens.
        fields: the list's field → the token's field that has to be equal, and given.
    """
    wanted = {its: token.get(own) for its, own in fields.items()}
    if None not in wanted.values():
        for each in objects_in(record, name):
            if {its: each.get(its) for its in wanted} == wanted:
                return each
    return {}


BRAZE = Format(
    "braze",
    rows,
    needs=(),
    hint="ask for external_id, push_tokens and apps in fields_to_export",
    person=lambda _: ("external_id",),
    pages="users",
)
