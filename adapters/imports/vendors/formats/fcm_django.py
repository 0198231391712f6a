"""fcm-django: its table of devices as CSV with its column names."""

from __future__ import annotations

from collections.abc import Iterator

from ..cells import facts_of, flag_of, need_text, person_of, text_of
from ..imported_rows import Format, Options, Record, Row, Skip


def rows(record: Record, options: Options) -> Iterator[Row | Skip]:
    """Yield the row of a device; tokens of all its types, iOS and web too, are FCM's."""
    token = text_of(record, "registration_id")
    if token is None:
        yield Skip("no_address")
        return
    device = {name: text_of(record, name) for name in ("device_id", "name")}
    yield Row(
        f"{options.application}:fcm:{need_text(record, 'id')}",
        "push",
        token,
        person_of(record, "user_id" if "user_id" in record else "user"),
        facts=facts_of(push_service="fcm", os=text_of(record, "type")),
        device={name: value for name, value in device.items() if value is not None},
        state="live" if flag_of(record, "active") is not False else "dead",
    )


FCM_DJANGO = Format(
    "fcm-django",
    rows,
    needs=("id", "registration_id", "active", "type"),
    hint="export all columns of the table, user_id among them",
    person=lambda _: ("user_id", "user"),
)
