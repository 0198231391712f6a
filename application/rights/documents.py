"""The files of an export, as text."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .own_events import Row

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "identifiers": ("kind", "value", "since", "until"),
    "attributes": ("name", "value"),
    "installations": (
        "installation",
        "application",
        "signed_in",
        "primary",
        "last_seen",
        "push_enabled",
        "notifications_enabled",
        "facts",
        "attributes",
        "tags",
    ),
    "merges": ("persons", "since", "until"),
    "sign_ins": ("installation", "application", "since", "until", "reason"),
    "pushes": ("dispatch", "installation", "at", "outcome", "title", "body", "data"),
}
"""File without its suffix → its columns; the fields of ``person.json`` that are lists."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so would be run by a spreadsheet (OWASP, CSV injection)."""
README = """\
What this service holds about one person
========================================

person.json      all of it as it was when this file was made: identifiers with the time since when
                 and until when, attributes, tags, devices, the times of being signed in on each,
                 and the push messages that were sent to them
timeline.ndjson  everything that was recorded about the person, oldest first, one JSON object a line
*.csv            the lists of person.json for a spreadsheet; a cell that a spreadsheet would take
                 for a formula begins with an apostrophe
processing.json  what the operator says about purposes, recipients and storage{missing}
manifest.json    the SHA-256 and size of each of these files, and the position in the operator's
                 ledger up to which they tell

Times are in UTC. Of a device that others use too, only the times are shown in which this person
was signed in, and what was recorded of the device then. What a device told before anybody was
signed in on it is shown to the first person who was. {addresses}
"""
MISSING = "; it is empty, because\n                 the operator tells that elsewhere"
MASKED = """The push addresses of devices are masked: only
their last characters are shown."""
CLEAR = """The push addresses of devices are shown in
full: who has them may be able to send messages to these devices."""


def readme(*, told: bool, addresses: bool) -> str:
    """Return the text that explains the files.

    Args:
        told: whether the operator says something of the processing.
        addresses: whether addresses of devices are shown.
    """
    return README.format(missing="" if told else MISSING, addresses=CLEAR if addresses else MASKED)


def json_text(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield an object as JSON for people, piece by piece; raises what `json` raises."""
    yield from json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=2).iterencode(content)
    yield "\n"


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield objects, one a line."""
    return (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


class Line:
    """Returns what it is given to write."""

    def write(self, line: str, /) -> str:
        """Return a line."""
        return line


def csv_text(columns: tuple[str, ...], rows: Iterable[Row]) -> Iterator[str]:
    """Yield rows as CSV (RFC 4180)."""
    writer = csv.writer(Line())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([cell(row.get(column)) for column in columns])


def cell(value: object) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if value.startswith(FORMULA) else value


def tables(summary: Row) -> Iterator[tuple[str, tuple[str, ...], list[Row]]]:
    """Yield name, columns and rows of each table in what is held about a person."""
    attributes: Mapping[str, Any] = summary["attributes"]
    named = [{"name": name, "value": value} for name, value in attributes.items()]
    for name, columns in COLUMNS.items():
        yield name, columns, named if name == "attributes" else summary[name]
