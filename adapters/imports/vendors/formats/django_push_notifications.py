"""django-push-notifications: a table of devices as CSV with its column names."""

from __future__ import annotations

from collections.abc import Iterator

from addressee.domain import InvalidValue

from ..cells import facts_of, flag_of, need_text, person_of, text_of
from ..imported_rows import Format, Options, Record, Row, Skip

TABLES = {
    "gcm": {"push_service": "fcm"},
    "apns": {"push_service": "apns", "os": "ios"},
    "webpush": {"push_service": "webpush"},
}
"""Table → the facts that all its devices share. The name keeps apart the ids of the tables."""
ENDPOINTS = {
    "CHROME": "https://fcm.googleapis.com/fcm/send",
    "OPERA": "https://fcm.googleapis.com/fcm/send",
    "FIREFOX": "https://updates.push.services.mozilla.com/wpush/v2",
    "EDGE": "https://wns2-par02p.notify.windows.com/w",
}
"""Browser → where the package sends to if a row has only the last part of an endpoint, by default
(``WP_POST_URL``); newer rows have the whole."""


def rows(record: Record, options: Options) -> Iterator[Row | Skip]:
    """Yield the row of a device."""
    token = text_of(record, "registration_id")
    table = table_of(record)
    if token is None:
        yield Skip("no_address")
        return
    if table == "apns" and "/" in token:
        yield Skip("service_not_supported")  # the channel of a Windows device
        return
    if table == "webpush" and not token.startswith("https://"):
        service = ENDPOINTS.get((text_of(record, "browser") or "").upper())
        if service is None:
            yield Skip("service_not_supported")
            return
        token = f"{service}/{token}"
    device = {name: text_of(record, name) for name in ("device_id", "name")}
    yield Row(
        f"{options.application}:{table}:{need_text(record, 'id')}",
        "push",
        token,
        person_of(record, user_column(record)),
        facts=facts_of(
            **TABLES[table],
            webpush_p256dh=text_of(record, "p256dh"),
            webpush_auth=text_of(record, "auth"),
        ),
        device={name: value for name, value in device.items() if value is not None},
        state="live" if flag_of(record, "active") is not False else "dead",
    )


def table_of(record: Record) -> str:
    """Return which of the tables has such columns."""
    if "cloud_message_type" in record:
        return "gcm"
    return "webpush" if "p256dh" in record else "apns"


def user_column(record: Record) -> str:
    """Return the column with the user's key; raises InvalidValue."""
    for name in ("user_id", "user"):
        if name in record:
            return name
    raise InvalidValue("user_id", "is missing")


DJANGO_PUSH_NOTIFICATIONS = Format(
    "django-push-notifications",
    rows,
    needs=("id", "registration_id", "active"),
    hint="export all columns of the table, user_id among them",
    person=lambda _: ("user_id", "user"),
)
