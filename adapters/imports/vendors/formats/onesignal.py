"""OneSignal: the CSV export of subscriptions, by the names in its header."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from ..cells import (
    attributes_of,
    facts_of,
    flag_of,
    moment_of,
    need_text,
    object_in,
    person_of,
    text_of,
    web_push,
)
from ..imported_rows import Format, Options, Record, Row, RowKind, RowState, Skip


class Device(NamedTuple):
    """A ``device_type``: its operating system and push service."""

    os: str
    service: str


DEVICES = {
    "0": Device("ios", "apns"),
    "1": Device("android", "fcm"),
    "2": Device("fireos", "adm"),
    "13": Device("android", "hms"),
}
BROWSERS = frozenset({"5", "7", "8", "17"})
CONTACTS: dict[str, RowKind] = {"11": "email", "14": "msisdn"}
DAY = timedelta(days=1)


def rows(record: Record, _: Options) -> Iterator[Row | Skip]:
    """Yield the row of a subscription."""
    kind = need_text(record, "device_type").strip().removesuffix(".0")  # as spreadsheets write it
    address = text_of(record, "identifier")
    shared = facts_of_kind(record, kind, address)
    if kind in BROWSERS and shared is None:
        yield Skip("web_push_without_keys")
    elif shared is None and kind not in CONTACTS:
        yield Skip("service_not_supported")
    elif address is None:
        yield Skip("no_address")
    elif kind in CONTACTS and state_of(record) == "dead":
        yield Skip("dead_contact")
    else:
        person = person_of(record, "external_user_id")
        tags = attributes_of(object_in(record, "tags"))
        seen = moment_of(record, "last_active")
        name = need_text(record, "id")
        if kind in CONTACTS:
            yield Row(name, CONTACTS[kind], address, person, attributes=tags, seen=seen)
            return
        yield Row(
            name,
            "push",
            address,
            person,
            facts=(shared or {})
            | facts_of(
                os_version=text_of(record, "device_os"),
                device_model=text_of(record, "device_model"),
                app_version=text_of(record, "game_version"),
                language=text_of(record, "language"),
                timezone=text_of(record, "timezone_id") or zone_of(text_of(record, "timezone")),
            ),
            device={} if person else tags,
            attributes=tags if person else {},
            seen=seen,
            state=state_of(record),
        )


def facts_of_kind(record: Record, kind: str, address: str | None) -> dict[str, str] | None:
    """Return the facts of a kind of device, None for another kind and a browser without keys.

    An export has browsers' keys where its ``extra_fields`` ask for ``web_auth`` and ``web_p256``.
    """
    if kind in BROWSERS:
        return web_push(address, text_of(record, "web_p256"), text_of(record, "web_auth"))
    device = DEVICES.get(kind)
    return None if device is None else {"os": device.os, "push_service": device.service}


def state_of(record: Record) -> RowState:
    """Return whether a subscription is invalid, opted out (``notification_types``) or live."""
    if flag_of(record, "invalid_identifier"):
        return "dead"
    types = text_of(record, "notification_types")
    return "opted_out" if types is not None and types.strip().startswith(("-", "0")) else "live"


def zone_of(cell: str | None) -> str | None:
    """Return an offset from UTC in seconds as ``GMT+02:00``, and the name of a zone as it is.

    No row is lost for a number that is no offset: then its zone is not known.
    """
    if cell is None:
        return None
    try:
        offset = timedelta(seconds=int(float(cell)))
    except ValueError:
        return cell
    except OverflowError:
        return None
    if abs(offset) >= DAY:
        return None
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"GMT{'-' if offset < timedelta() else '+'}{hours:02}:{minutes:02}"


ONESIGNAL = Format(
    "onesignal",
    rows,
    needs=("id", "identifier", "device_type", "invalid_identifier", "external_user_id"),
    hint="ask for external_user_id in extra_fields of the export, or no row has a person",
    anonymous="OneSignal takes the external id from a user's 21st subscription: an anonymous row"
    " may be somebody's old device",
)
