"""Parse Server: installations, as its REST interface or mongoexport writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from ..cells import facts_of, moment_of, person_of, text_of, texts_in
from ..imported_rows import Format, Options, Record, Row, Skip

SERVICES = {
    "ios": {"os": "ios", "push_service": "apns"},
    "android": {"os": "android", "push_service": "fcm"},
}


def rows(record: Record, options: Options) -> Iterator[Row | Skip]:
    """Yield the row of an installation."""
    kind = (text_of(record, "deviceType") or "").lower()
    token = text_of(record, "deviceToken")
    if kind not in SERVICES:
        yield Skip("service_not_supported")
    elif token is None:
        yield Skip("no_address")
    else:
        name = text_of(record, "objectId") or text_of(record, "_id") or ""
        yield Row(
            f"{options.application}:parse:{name}" if name else "",
            "push",
            token,
            user_of(record, options.user_column),
            facts=SERVICES[kind]
            | facts_of(
                push_service="fcm" if text_of(record, "pushType") in {"gcm", "fcm"} else None,
                app_version=text_of(record, "appVersion"),
                language=text_of(record, "localeIdentifier"),
                timezone=text_of(record, "timeZone"),
            ),
            tags=texts_in(record, "channels"),
            seen=moment_of(record, "updatedAt", "_updated_at"),
        )


def user_of(record: Record, column: str) -> str | None:
    """Return the person in a pointer (``{"objectId": …}``, ``_p_user: "_User$…"``) or a text."""
    stored = text_of(record, f"_p_{column}")
    if stored is not None:
        return person_of({column: stored.partition("$")[2]}, column)
    value: object = record.get(column)
    if isinstance(value, Mapping):
        return person_of(cast("Record", value), "objectId")
    return person_of(record, column)


PARSE = Format(
    "parse",
    rows,
    needs=("deviceType",),
    hint="name the column with the person by --user-column",
    person=lambda options: (options.user_column, f"_p_{options.user_column}"),
    pages="results",
)
