"""Amazon Pinpoint: exported endpoints, as JSON lines or CSV with dotted column names."""

from __future__ import annotations

from collections.abc import Iterator

from ..cells import attributes_of, digest, facts_of, moment_of, need_text, person_of, text_of
from ..dotted_names import below, dotted
from ..imported_rows import Format, Options, Record, Row, RowKind, Skip

SERVICES: dict[str, dict[str, str]] = {
    "GCM": {"push_service": "fcm"},
    "APNS": {"push_service": "apns", "os": "ios", "apns_environment": "production"},
    "APNS_SANDBOX": {"push_service": "apns", "os": "ios", "apns_environment": "sandbox"},
    "ADM": {"push_service": "adm", "os": "fireos"},
}
CONTACTS: dict[str, RowKind] = {"EMAIL": "email", "SMS": "msisdn"}
ATTRIBUTES, OF_USER = "Attributes.", "User.UserAttributes."


def rows(record: Record, _: Options) -> Iterator[Row | Skip]:
    """Yield the row of an endpoint."""
    cells = dotted(record)
    channel, address = need_text(cells, "ChannelType"), text_of(cells, "Address")
    dead = (text_of(cells, "EndpointStatus") or "ACTIVE").upper() == "INACTIVE"
    if channel not in SERVICES and channel not in CONTACTS:
        yield Skip("service_not_supported")
        return
    if address is None:
        yield Skip("no_address")
        return
    if channel in CONTACTS and dead:
        yield Skip("dead_contact")
        return
    person = person_of(cells, "User.UserId")
    # A segment's CSV may have no Id.
    name = text_of(cells, "Id") or digest(channel, address, person)
    seen = moment_of(cells, "EffectiveDate")
    of_user = attributes_of(below(cells, OF_USER)) if person else {}
    if channel in CONTACTS:
        yield Row(name, CONTACTS[channel], address, person, attributes=of_user, seen=seen)
        return
    shared = SERVICES[channel]
    opted_out = (text_of(cells, "OptOut") or "NONE").upper() == "ALL"
    yield Row(
        name,
        "push",
        address,
        person,
        facts=facts_of(
            os=(text_of(cells, "Demographic.Platform") or "").lower() or None,
            os_version=text_of(cells, "Demographic.PlatformVersion"),
            app_version=text_of(cells, "Demographic.AppVersion"),
            device_manufacturer=text_of(cells, "Demographic.Make"),
            device_model=text_of(cells, "Demographic.Model"),
            language=text_of(cells, "Demographic.Locale"),
            timezone=text_of(cells, "Demographic.Timezone"),
        )
        | shared,
        device=attributes_of(below(cells, ATTRIBUTES)),
        attributes=of_user,
        seen=seen,
        state="dead" if dead else "opted_out" if opted_out else "live",
    )


PINPOINT = Format(
    "pinpoint",
    rows,
    needs=("ChannelType", "Address"),
    hint="export the endpoints with User.UserId",
    person=lambda _: ("User", "User.UserId"),
)
