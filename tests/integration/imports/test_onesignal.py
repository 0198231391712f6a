"""OneSignal's export of subscriptions."""

from __future__ import annotations

import json

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import History, Profiles, Targeting
from addressee.domain import InvalidValue, values
from tests.integration.imports.conftest import Importing, table

HEADER = [
    "id",
    "identifier",
    "session_count",
    "language",
    "timezone",
    "game_version",
    "device_os",
    "device_type",
    "device_model",
    "ad_id",
    "tags",
    "last_active",
    "playtime",
    "amount_spent",
    "created_at",
    "invalid_identifier",
    "badge_count",
    "external_user_id",
    "notification_types",
]
APPLE = {"apns_environment": "production"}


def subscription(number: int, identifier: str, person: str = "", **cells: str) -> list[str]:
    usual = {
        "id": f"sub-{number}",
        "identifier": identifier,
        "session_count": "3",
        "language": "en",
        "timezone": "7200",
        "game_version": "4.2",
        "device_os": "15",
        "device_type": "1",
        "device_model": "Pixel 9",
        "tags": "{}",
        "last_active": f"2026-10-{number:02} 08:00:00",
        "invalid_identifier": "f",
        "external_user_id": person,
        "notification_types": "1",
    }
    return [(usual | cells).get(name, "") for name in HEADER]


def test_R53_rows_become_installations_and_contacts_of_persons(
    store: MemoryStore, importing: Importing
) -> None:
    content = table(
        HEADER,
        subscription(1, "ali@shop.test", "ali", device_type="11", tags='{"plan": "gold"}'),
        subscription(2, "token-a", "ali", tags='{"plan": "silver", "gone": ""}'),
        subscription(3, "ab" * 32, "bea", device_type="0", device_os="18.1", timezone="-12600"),
        subscription(4, "token-c", "ali", invalid_identifier="t"),
        subscription(5, "token-d", "bea", notification_types="-2"),
        subscription(6, "token-e", "null", tags='{"colour": "red"}'),
        subscription(7, "+385911234567", "ali", device_type="14"),
        subscription(8, "https://push.test/8", "ali", device_type="5"),
        subscription(9, "token-f", "ali", device_type="9"),
        subscription(10, "", "ali"),
        subscription(11, "cid@shop.test", "cid", device_type="11"),
        subscription(12, "who@shop.test", "None", device_type="11"),
        subscription(13, "no address", "bea", device_type="11"),
        subscription(2, "token-g", "bea", last_active="2026-10-01 08:00:00"),
        subscription(14, "token-h", "bea", last_active="yesterday"),
    )
    report = importing("onesignal", content, **APPLE)
    assert (report.records, report.rows) == (15, 15)
    assert report.imported == {
        "bound": 2,
        "contact": 2,
        "expired": 1,
        "opted_out": 1,
        "anonymous": 1,
    }
    assert report.skipped == {
        "web_push_without_keys": 1,
        "service_not_supported": 1,
        "no_address": 1,
        "contact_without_device": 1,
        "contact_without_person": 1,
        "EMAIL_INVALID": 1,
        "repeated_id": 1,
        "REQUEST_FORMAT_INVALID": 1,
    }
    assert any("21st" in note for note in report.notes)
    reach = Targeting(store)
    for identifier in ("external_id:ali", "email:ali@shop.test", "msisdn:385911234567"):
        assert list(reach.targets("shop", identifier)) == ["sub-2"], identifier
    [bea] = reach.recipients("shop", "external_id:bea")
    assert (bea.installation, bea.service, bea.details["environment"]) == (
        "sub-3",
        "apns",
        "production",
    )
    assert reach.count("shop", "all") == 3
    history = History(store)
    ali = history.who("sub-2")
    assert ali is not None
    assert history.who("sub-6") is None
    assert history.who("sub-2", at=values.moment("at", "2026-10-02T08:00:00Z")) == ali
    profile = Profiles(store)
    assert profile.of("sub-6").installation.attributes == {"colour": "red"}
    assert profile.of("sub-2").installation.facts["timezone"] == "GMT+02:00"
    assert profile.of("sub-3").installation.facts["timezone"] == "GMT-03:30"


def test_a_file_without_persons_is_refused(importing: Importing) -> None:
    header = [name for name in HEADER if name != "external_user_id"]
    with pytest.raises(InvalidValue, match=r"no column external_user_id.*extra_fields"):
        importing("onesignal", table(header, ["x"] * len(header)))


def test_tokens_of_apple_need_their_environment(store: MemoryStore, importing: Importing) -> None:
    rows = table(HEADER, subscription(1, "t"), subscription(2, "ab" * 32, device_type="0"))
    with pytest.raises(InvalidValue, match="apns_environment"):
        importing("onesignal", rows)
    assert Targeting(store).count("shop", "all") == 0


def test_the_newest_of_two_users_of_one_token_keeps_it(
    store: MemoryStore, importing: Importing
) -> None:
    times = {
        "seconds": "1790000000",
        "milliseconds": "1790000001000",
        "zone": "2026-09-21 16:00+02",
    }
    for place, (first, second) in enumerate([("bea", "ali"), ("ali", "bea")]):
        rows = table(
            HEADER,
            subscription(1, "shared", first, last_active=times["milliseconds"]),
            subscription(2, "shared", second, last_active=times["seconds"]),
            subscription(3, "shared", "cid", last_active=times["zone"]),
            subscription(4, "shared", "dan", last_active="2026-11-01", invalid_identifier="t"),
            subscription(5, f"{first}@shop.test", first, device_type="11"),
            subscription(6, f"{second}@shop.test", second, device_type="11"),
        )
        rows = rows.replace(b"sub-", f"sub-{place}-".encode())
        report = importing("onesignal", rows)
        assert report.imported == {"bound": 1, "superseded": 2, "expired": 1, "contact": 1}
        assert report.skipped == {"contact_without_device": 1}
        assert Targeting(store).preview("shop", f"external_id:{first}") == [f"sub-{place}-1"]
        assert Targeting(store).count("shop", f"external_id:{second} or external_id:cid") == 0
        history = [event.event for event in History(store).installation(f"sub-{place}-2")]
        assert "DevicePersonalized" in str(history)


OLD, NEW = "2023-11-14 22:13:20", "2023-11-14 22:13:21"


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [(OLD, NEW, 2), (NEW, OLD, 1), (OLD, OLD, 2), ("", "", 2), (OLD, "", 1), ("", OLD, 2)],
)
def test_R53_of_rows_with_one_id_the_one_that_was_seen_last_is_imported(
    store: MemoryStore, importing: Importing, first: str, second: str, wins: int
) -> None:
    content = table(
        HEADER,
        subscription(2, "token-0", "cid"),
        subscription(1, "token-1", "1", last_active=first),
        subscription(1, "token-2", "2", last_active=second),
    )
    report = importing("onesignal", content)
    assert (report.imported, report.skipped) == ({"bound": 2}, {"repeated_id": 1})
    assert report.first == {"repeated_id": 3}
    [found] = Targeting(store).recipients("shop", f"external_id:{wins}")
    assert (found.installation, found.address) == ("sub-1", f"token-{wins}")
    assert Targeting(store).count("shop", f"external_id:{3 - wins}") == 0
    with store.reading() as view:
        before = view.last()
    again = importing("onesignal", content)
    assert (again.imported, again.skipped) == (report.imported, report.skipped)
    with store.reading() as view:
        assert view.last() == before


def test_a_row_that_repeats_an_id_counts_from_its_own_place(
    store: MemoryStore, importing: Importing
) -> None:
    rows = [subscription(n, "shared", "ali", last_active="") for n in (1, 2, 1)]
    report = importing("onesignal", table(HEADER, *rows))
    assert report.imported == {"superseded": 1, "bound": 1}
    assert Targeting(store).preview("shop", "external_id:ali") == ["sub-1"]


def test_R44_ids_that_stand_for_nobody_are_no_person(
    store: MemoryStore, importing: Importing
) -> None:
    nobody = (
        "",
        "null",
        "NULL",
        "None",
        "undefined",
        "guest",
        "\\N",
        "(null)",
        "<null>",
        "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
    )
    rows = (subscription(n + 1, f"token-{n}", person) for n, person in enumerate(nobody))
    assert importing("onesignal", table(HEADER, *rows)).imported == {"anonymous": len(nobody)}
    assert Targeting(store).count("shop", "type:customer or type:lead") == 0


ZONES = {
    "3600": "GMT+01:00",
    "-12600.0": "GMT-03:30",
    "0": "GMT+00:00",
    "Europe/Istanbul": "Europe/Istanbul",
    "86400": None,
    "inf": None,
    "": None,
}


def test_no_row_is_lost_for_its_time_zone(store: MemoryStore, importing: Importing) -> None:
    rows = [subscription(n, f"token-{n}", timezone=zone) for n, zone in enumerate(ZONES, 1)]
    assert importing("onesignal", table(HEADER, *rows)).imported == {"anonymous": len(rows)}
    for n, zone in enumerate(ZONES.values(), 1):
        assert Profiles(store).of(f"sub-{n}").installation.facts.get("timezone") == zone


def test_R53_browsers_are_imported_with_the_keys_that_were_asked_for(
    store: MemoryStore, importing: Importing
) -> None:
    extra = ["web_auth", "web_p256", "timezone_id"]
    endpoint, keys = "https://push.test/1", ["secret", "key", "Europe/Zagreb"]
    content = table(
        [*HEADER, *extra],
        [*subscription(1, endpoint, "ali", device_type="5"), *keys],
        [*subscription(2, endpoint + "2", "bea", device_type="8"), "", "key", ""],
        [*subscription(3, "AB" * 32, "cid", device_type="7"), *keys],
    )
    report = importing("onesignal", content)
    assert report.imported == {"bound": 1}
    assert report.skipped == {"web_push_without_keys": 2}
    [found] = Targeting(store).recipients("shop", "external_id:ali")
    assert (found.service, found.address) == ("webpush", endpoint)
    assert found.details == {"p256dh": "key", "auth": "secret"}
    assert Profiles(store).of("sub-1").installation.facts["timezone"] == "Europe/Zagreb"


def test_tags_that_are_no_object_refuse_their_row(importing: Importing) -> None:
    for cell in ("[1]", "{", json.dumps("text")):
        report = importing("onesignal", table(HEADER, subscription(1, "t", tags=cell)))
        assert report.skipped == {"REQUEST_FORMAT_INVALID": 1}


def test_R53_a_row_without_a_time_leaves_the_times_of_its_person_and_token(
    store: MemoryStore, importing: Importing
) -> None:
    content = table(
        HEADER,
        subscription(1, "token-1", "ali", last_active="2026-10-01 08:00:00"),
        subscription(2, "token-2", "ali", last_active=""),
        subscription(3, "token-3", "bea", last_active="2026-10-03 08:00:00"),
        subscription(4, "token-3", "cid", last_active=""),
        subscription(5, "token-5", "cid", last_active="2026-10-04 08:00:00"),
        subscription(6, "token-3", "dan", last_active="2026-10-05 08:00:00"),
    )
    assert importing("onesignal", content).imported == {"bound": 4, "superseded": 2}
    with store.reading() as view:
        days = {n: view.last_seen(f"sub-{n}") for n in (1, 5, 6)}
        imported = view.last_seen("sub-2")
    for n, day in ((1, 1), (5, 4), (6, 5)):
        assert days[n] == values.moment("at", f"2026-10-{day:02}T08:00:00Z"), n
    assert imported is not None
    assert imported > values.moment("at", "2026-11-01T00:00:00Z")
    who = History(store).who
    assert who("sub-4", at=values.moment("at", "2026-10-03T07:59:00Z")) is None
    reach = Targeting(store)
    assert reach.preview("shop", "external_id:dan") == ["sub-6"]
    assert reach.count("shop", "external_id:bea") == 0
    assert reach.preview("shop", "external_id:cid") == ["sub-5"]
