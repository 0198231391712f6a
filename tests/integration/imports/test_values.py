"""Values as real files have them: deep, falsy, huge, times of nothing, and ids that repeat."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from addressee.adapters.imports.line_reader import LINE_LIMIT
from addressee.adapters.imports.vendors.cells import DEEPEST, attributes_of, moment_of
from addressee.adapters.memory import MemoryStore
from addressee.application import History, Profiles, Targeting
from addressee.domain import InvalidValue
from tests.acceptance.conftest import Run
from tests.integration.imports.conftest import Importing, lines, table

HEADER = (
    "id",
    "identifier",
    "device_type",
    "invalid_identifier",
    "external_user_id",
    "tags",
    "last_active",
    "notification_types",
    "timezone",
    "unknown",
)


def onesignal(*rows: Mapping[str, object]) -> bytes:
    """Return OneSignal's export; each row is a device of its own unless it says otherwise."""
    usual = {"device_type": 1, "invalid_identifier": "f", "external_user_id": "ali"}
    cells = (
        {"id": f"sub-{n}", "identifier": f"token-{n}", **usual, **row} for n, row in enumerate(rows)
    )
    return table(HEADER, *([row.get(name, "") for name in HEADER] for row in cells))


def nested(levels: int, opening: str = "[", closing: str = "]") -> str:
    return opening * levels + "1" + closing * levels


def objects(levels: int) -> str:
    return nested(levels, '{"a":', "}")


def of_onesignal(value: str) -> bytes:
    return onesignal({"tags": f'{{"x": {value}}}'}, {})


def of_braze(value: str) -> bytes:
    user = '{"braze_id": "%s", "external_id": "ali", "custom_attributes": {"x": %s}, "push_tokens":'
    token = ' [{"app": "A", "platform": "Android", "token": "%s"}]}\n'
    return "".join((user + token) % row for row in (("a", value, "a"), ("b", 1, "b"))).encode()


def of_infobip(value: str) -> bytes:
    person = '{"contactInformation": {"push": [{"registrationId": "%s"}]}, "customAttributes": %s}'
    return "".join(
        f"{person % row}\n" for row in (("a", f'{{"x": {value}}}'), ("b", "{}"))
    ).encode()


def of_airship(value: str) -> bytes:
    channel = {"device_type": "android", "push_address": "a", "named_user_id": "ali"}
    row = json.dumps(channel | {"channel_id": "a", "attributes": {"x": "VALUE"}})
    other = json.dumps(channel | {"channel_id": "b", "push_address": "b"})
    return f"{row}\n{other}\n".replace('"VALUE"', value).encode()


def of_pinpoint(value: str) -> bytes:
    endpoint = (
        '{"Id": "%s", "ChannelType": "GCM", "Address": "%s", "User": {"UserId": "ali"}, %s}\n'
    )
    attributes = f'"Attributes": {{"x": {value}}}'
    return "".join(endpoint % (n, n, attributes if n == "a" else '"x": 1') for n in "ab").encode()


@pytest.mark.parametrize("make", [of_onesignal, of_braze, of_infobip, of_airship, of_pinpoint])
def test_R53_a_value_that_nests_too_deep_skips_its_row(
    importing: Importing, make: Callable[[str], bytes]
) -> None:
    system = make.__name__.removeprefix("of_")
    for deepest in (nested(DEEPEST), objects(DEEPEST)):
        assert importing(system, make(deepest), dry_run=True).imported.total() == 2
    for deep in (nested(DEEPEST + 1), nested(900), objects(900)):
        report = importing(system, make(deep))
        assert report.imported.total() == 1
        assert (report.skipped.total(), [*report.first.values()]) == (1, [1])


ENDPOINT = {"ChannelType": "GCM", "Address": "t", "User": {"UserId": "ali"}}
CHANNEL = {"channel_id": "a", "device_type": "android", "push_address": "t", "named_user_id": "b"}
LONG = "x" * 100_000


@pytest.mark.parametrize(
    ("system", "record"),
    [
        ("pinpoint", ENDPOINT | {"Attributes": {LONG: {str(n): 1 for n in range(1_000)}}}),
        ("airship", CHANNEL | {"tag_groups": {LONG: [*range(1_000)]}}),
    ],
)
def test_a_name_does_not_multiply_by_what_is_below_it(
    system: str, record: Mapping[str, Any], importing: Importing
) -> None:
    rows = lines(record)
    tracemalloc.start()
    report = importing(system, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.skipped == {"LIMIT_EXCEEDED": 1}
    assert peak < 100 * len(rows), peak


def test_json_that_no_python_can_read_is_refused_with_its_line(importing: Importing) -> None:
    levels = 40_000  # Python 3.13 reads some thousand, of which the row alone is skipped
    report = importing("onesignal", of_onesignal(nested(levels)))
    assert report.skipped == {"REQUEST_FORMAT_INVALID": 1}
    with pytest.raises(InvalidValue, match="line 1: line nests too deep"):
        importing("braze", of_braze(nested(levels)))


def test_the_command_line_says_where_a_row_was_skipped(run: Run, tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_bytes(onesignal({}, {}, {"tags": f'{{"x": {nested(900)}}}'}))
    done = run("import", "--from", "onesignal", "export.csv", "--app", "shop", "--dry-run")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "1  skipped: REQUEST_FORMAT_INVALID, first in record 3\n" in done.stdout


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (0, 0),
        (0.0, 0.0),
        (False, False),
        ("", None),
        ("null", None),
        (None, None),
        ([], None),
        ([0], 0),
        ([False], False),
        ([""], None),
        ([0, 1, 2], [{"value": 0}, {"value": 1}, {"value": 2}]),
        ([False, True], [{"value": False}, {"value": True}]),
        ([0.0, "", 0, None], [{"value": 0.0}, {"value": 0}]),
        ([[0]], 0),
        ([[0, 1], [False]], "[[0, 1], [false]]"),
        ({}, "{}"),
    ],
)
def test_zero_and_false_are_values_and_no_text_is_none(given: object, kept: object) -> None:
    found = attributes_of({"x": given})
    assert json.dumps(found) == json.dumps({} if kept is None else {"x": kept})


def test_zero_and_false_in_a_list_are_imported(store: MemoryStore, importing: Importing) -> None:
    importing("onesignal", of_onesignal("[0, false, 1]"))
    person = Profiles(store).of("sub-0").person
    assert person is not None
    assert person.attributes["x"] == ({"value": 0}, {"value": False}, {"value": 1})


def test_a_cell_may_be_as_long_as_a_line(store: MemoryStore, importing: Importing) -> None:
    before = csv.field_size_limit()
    long = "y" * (LINE_LIMIT - 100)
    report = importing("onesignal", onesignal({"unknown": long}, {"tags": f'{{"x": "{long}"}}'}))
    assert (report.imported, report.skipped) == ({"bound": 1}, {"LIMIT_EXCEEDED": 1})
    assert report.first == {"LIMIT_EXCEEDED": 2}
    with pytest.raises(InvalidValue, match="line 2 is longer than 1 MiB"):
        importing("onesignal", onesignal({"unknown": long + "y" * 100}))
    with pytest.raises(InvalidValue, match="line 3: field larger than field limit"):
        importing("onesignal", onesignal({"unknown": f"{long}\n{long}"}))
    assert csv.field_size_limit() == before < len(long)
    assert Targeting(store).count("shop", "all") == 1


def test_a_line_of_spaces_is_an_empty_line(importing: Importing) -> None:
    content = (
        onesignal({}, {}).replace(b"sub-1", b"\r\n  \t \r\nsub-1").replace(b"\r\n\r\n", b"\r\n")
    )
    report = importing("onesignal", content + b" \n\n")
    assert (report.records, report.imported) == (2, {"bound": 2})


def test_a_last_line_without_an_end_is_refused_and_the_message_says_how_to_mend_it(
    importing: Importing,
) -> None:
    content = onesignal({}, {}).removesuffix(b"\r\n")
    with pytest.raises(
        InvalidValue, match=r"line 3 has no line end.*end its last line with a line"
    ):
        importing("onesignal", content)
    assert importing("onesignal", content + b"\n").imported == {"bound": 2}


def test_numbers_may_have_the_form_of_spreadsheets(importing: Importing) -> None:
    cells: dict[str, object] = {"device_type": "1.0", "notification_types": "-2.0"}
    report = importing("onesignal", onesignal(cells, cells | {"invalid_identifier": "1.0"}))
    assert report.imported == {"opted_out": 1, "expired": 1}
    header = ("id", "registration_id", "active", "user_id", "type")
    report = importing("fcm-django", table(header, (1, "t", "1.0", 7, "web")))
    assert report.imported == {"bound": 1}


TIMELESS = (
    "0000-00-00 00:00:00",
    "0000-00-00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "1970-01-01 00:00:00 UTC",
    "1999-12-31T23:59:59Z",
    "2000-01-01T00:00:00+02:00",
    "0",
    "-62135596800",
    "-62135596800000",
    "-99999999999999999999",
    "20240101",
    "946684799",
)


def test_times_before_2000_are_unknown() -> None:
    for text in TIMELESS:
        assert moment_of({"t": text, "other": "946684800"}, "t") is None, text
        known = moment_of({"t": text, "other": "946684800"}, "t", "other")
        assert known == datetime(2000, 1, 1, tzinfo=UTC), text
    assert moment_of({"t": {"$date": {"$numberLong": "-62135596800000"}}}, "t") is None
    assert moment_of({"t": 0}, "t") is None


def test_a_row_whose_time_is_unknown_counts_from_its_import(
    store: MemoryStore, importing: Importing
) -> None:
    begun = datetime.now(UTC)
    report = importing("onesignal", onesignal(*({"last_active": each} for each in TIMELESS)))
    assert report.imported == {"bound": len(TIMELESS)}
    assert any("no row says when" in note for note in report.notes)
    for n in range(len(TIMELESS)):
        assert all(
            each.event.timestamp >= begun for each in History(store).installation(f"sub-{n}")
        )


@pytest.mark.parametrize("system", ["airship", "braze", "parse", "pinpoint"])
def test_no_row_of_another_system_is_lost_for_a_zero_date(
    system: str, importing: Importing
) -> None:
    zero = "0000-00-00 00:00:00"
    content: dict[str, dict[str, object]] = {
        "airship": {
            "channel_id": "a",
            "device_type": "android",
            "push_address": "t",
            "last_registration": zero,
            "named_user_id": "ali",
        },
        "braze": {
            "braze_id": "a",
            "external_id": "ali",
            "push_tokens": [{"app": "A", "platform": "Android", "token": "t"}],
            "apps": [{"name": "A", "last_used": zero}],
        },
        "parse": {
            "objectId": "a",
            "deviceType": "android",
            "deviceToken": "t",
            "user": "ali",
            "updatedAt": {"__type": "Date", "iso": zero},
        },
        "pinpoint": {
            "Id": "a",
            "ChannelType": "GCM",
            "Address": "t",
            "EffectiveDate": zero,
            "User": {"UserId": "ali"},
        },
    }
    assert importing(system, lines(content[system])).imported == {"bound": 1}
