"""Systems whose exports are JSON lines: Airship, Braze, Parse and Infobip."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from zipfile import ZipFile

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import Profiles, Targeting
from addressee.domain import InvalidValue
from tests.integration.imports.conftest import Importing, lines

APPLE = {"apns_environment": "production"}


def test_R53_airship_channels(store: MemoryStore, importing: Importing) -> None:
    channel = {
        "device_type": "android",
        "opt_in": "true",
        "installed": True,
        "named_user_id": "ali",
        "last_registration": "2026-10-01T09:00:00",
        "tags": ["beta"],
        "tag_groups": {
            "ua_android_app_version": ["4.2"],
            "ua_locale_language": ["hr"],
            "loyalty": ["gold"],
        },
    }
    channels = [
        channel | {"channel_id": "c1", "push_address": "token-1"},
        channel | {"channel_id": "c2", "push_address": "token-2", "opt_in": "false"},
        channel | {"channel_id": "c3", "push_address": "token-3", "installed": "false"},
        channel | {"channel_id": "c4", "push_address": "null"},
        channel | {"channel_id": "c5", "push_address": "token-5", "named_user_id": "null"},
        channel | {"channel_id": "c6", "push_address": "ali@shop.test", "device_type": "email"},
        channel | {"channel_id": "c7", "push_address": "x", "device_type": "web"},
        channel | {"channel_id": "c8", "push_address": "x", "device_type": "open"},
        channel
        | {"channel_id": "c9", "push_address": "x", "device_type": "sms", "installed": False},
        channel | {"channel_id": "c10", "push_address": "x", "opt_in": "perhaps"},
    ]
    report = importing("airship", lines({"channels": channels[:4]}, *channels[4:]))
    assert report.rows == len(channels)
    assert report.imported == {
        "bound": 1,
        "opted_out": 1,
        "expired": 1,
        "anonymous": 1,
        "contact": 1,
    }
    assert report.skipped == {
        "no_address": 1,
        "web_push_without_keys": 1,
        "service_not_supported": 1,
        "dead_contact": 1,
        "REQUEST_FORMAT_INVALID": 1,
    }
    assert Targeting(store).preview("shop", "external_id:ali and itag:beta") == ["c1"]
    device = Profiles(store).of("c1").installation
    assert device.tags == {"beta", "loyalty:gold"}
    assert (device.facts["language"], device.facts["app_version"]) == ("hr", "4.2")
    assert [r.installation for r in Targeting(store).recipients("shop", "email:ali@shop.test")]


def test_R53_airship_names_addresses_and_facts_in_more_than_one_way(
    store: MemoryStore, importing: Importing
) -> None:
    channel = {"device_type": "android", "installed": True, "opt_in": True, "named_user_id": "ali"}
    keys = {"subscription": {"p256dh": "key", "auth": "secret"}}
    told = {"ua_device_os": "15", "ua_app_version": "4.2.0", "ua_device_model": "Pixel 9"}
    endpoint = "https://push.test/1"
    content = lines(
        channel | {"channel_id": "c1", "push_address": "token-1", "device_attributes": told},
        channel | {"channel_id": "c2", "device_type": "email", "address": "ali@shop.test"},
        channel
        | {
            "channel_id": "c3",
            "device_type": "email",
            "address": None,
            "email_address": "ali@work.test",
        },
        channel | {"channel_id": "c4", "device_type": "web", "push_address": endpoint, "web": keys},
    )
    report = importing("airship", content)
    assert (report.imported, report.skipped) == ({"bound": 2, "contact": 2}, {})
    reach = Targeting(store)
    for address in ("ali@shop.test", "ali@work.test"):
        assert reach.count("shop", f"email:{address}") == 2, address
    facts = Profiles(store).of("c1").installation.facts
    known = [facts[name] for name in ("os_version", "app_version", "device_model")]
    assert known == ["15", "4.2.0", "Pixel 9"]
    [browser] = (each for each in reach.recipients("shop", "all") if each.installation == "c4")
    assert (browser.service, browser.address) == ("webpush", endpoint)
    assert browser.details == {"p256dh": "key", "auth": "secret"}


def test_R53_braze_users(store: MemoryStore, importing: Importing) -> None:
    def token(name: str, platform: str = "Android", app: str = "Shop") -> dict[str, str]:
        return {"app": app, "platform": platform, "token": name}

    apps = [
        {"name": "Shop", "platform": "Android", "last_used": "2026-10-05T10:00:00.000Z"},
        {"name": "Old", "platform": "Android", "last_used": "2026-09-05T10:00:00.000Z"},
    ]
    users = lines(
        {
            "external_id": "ali",
            "braze_id": "b1",
            "first_name": "Ali",
            "custom_attributes": {"plan": "gold", "sizes": ["m", "l"], "none": None},
            "email": "ali@shop.test",
            "phone": "+385911234567",
            "push_tokens": [token("t1"), token("ab" * 32, "iOS"), token("w", "Web")],
            "apps": apps,
        },
        {
            "external_id": "bea",
            "braze_id": "b2",
            "push_tokens": [token("t1", app="Old")],
            "apps": apps,
        },
        {"external_id": "undefined", "braze_id": "b3", "push_tokens": [token("t3")]},
        {"external_id": "cid", "braze_id": "b4", "email": "cid@shop.test"},
        {
            "external_id": "dan",
            "braze_id": "b5",
            "push_tokens": [token("t5")],
            "push_subscribe": "unsubscribed",
        },
    )
    report = importing("braze", users, **APPLE)
    assert (report.records, report.rows) == (5, 10)
    assert report.imported == {
        "bound": 2,
        "superseded": 1,
        "anonymous": 1,
        "opted_out": 1,
        "contact": 2,
    }
    assert report.skipped == {
        "web_push_without_keys": 1,
        "no_address": 1,
        "contact_without_device": 1,
    }
    reach = Targeting(store)
    assert {r.service for r in reach.recipients("shop", "msisdn:385911234567")} == {"fcm", "apns"}
    assert reach.count("shop", "external_id:bea") == 0
    [device, _] = reach.preview("shop", "email:ali@shop.test")
    person = Profiles(store).of(device).person
    assert person is not None
    assert person.attributes == {
        "plan": "gold",
        "sizes": ({"value": "m"}, {"value": "l"}),
        "first_name": "Ali",
    }


def test_R53_parse_installations(store: MemoryStore, importing: Importing) -> None:
    device: dict[str, object] = {"deviceType": "android", "channels": ["news"]}
    pointer = {"__type": "Pointer", "className": "_User", "objectId": "u1"}
    rest: list[dict[str, object]] = [
        device | {"objectId": "p1", "deviceToken": "t1", "owner": pointer},
        device | {"objectId": "p2", "deviceToken": "t2"},
        device | {"objectId": "p3", "owner": pointer},
    ]
    dumped: list[dict[str, object]] = [
        device
        | {
            "_id": "p4",
            "deviceToken": "t1",
            "_p_owner": "_User$u2",
            "_updated_at": {"$date": {"$numberLong": "1790000000000"}},
        },
        device
        | {"_id": "p5", "deviceToken": "t5", "_updated_at": {"$date": "2026-10-01T08:00:00Z"}},
        {"_id": "p6", "deviceToken": "t6", "deviceType": "winrt"},
        device | {"deviceToken": "t7"},
    ]
    content = lines({"results": rest}, *dumped)
    report = importing("parse", content, user_column="owner")
    assert report.imported == {"superseded": 1, "bound": 1, "anonymous": 2}
    assert report.skipped == {"no_address": 1, "service_not_supported": 1, "LIMIT_EXCEEDED": 1}
    assert any("older than those" in note for note in report.notes)
    assert Targeting(store).preview("shop", "external_id:u2 and itag:news") == ["shop:parse:p4"]
    with pytest.raises(InvalidValue, match="--user-column"):
        importing("parse", content)


def test_R53_infobip_people(store: MemoryStore, importing: Importing) -> None:
    people = lines(
        {
            "externalId": "ali",
            "firstName": "Ali",
            "tags": ["vip"],
            "customAttributes": {"plan": "gold"},
            "contactInformation": {
                "email": [{"address": "ali@shop.test"}],
                "phone": [{"number": "385911234567"}],
                "push": [
                    {"registrationId": "r1", "systemData": {"os": "ANDROID"}},
                    {"registrationId": "r2", "pushEnabled": False},
                ],
            },
        },
        {"externalId": "bea", "contactInformation": {"email": [{"address": "bea@shop.test"}]}},
        {"contactInformation": {"push": [{"registrationId": "r3"}]}},
        {"contactInformation": {"push": [{"applicationId": "x"}]}},
    )
    report = importing("infobip", people)
    assert (report.records, report.rows) == (4, 5)
    assert report.imported == {"bound": 1, "opted_out": 1, "anonymous": 1}
    assert report.skipped == {"person_without_device": 1, "REQUEST_FORMAT_INVALID": 1}
    [found] = Targeting(store).recipients("shop", "tag:vip and email:ali@shop.test")
    assert (found.service, found.address) == ("vendor", "r1")
    assert Targeting(store).count("shop", "msisdn:385911234567") == 1


def test_R53_infobip_has_the_state_of_a_device_in_its_system_data(
    store: MemoryStore, importing: Importing
) -> None:
    def push(number: int, *, primary: bool = False, **system: object) -> dict[str, object]:
        known = {"os": "Android", "registrationEnabled": True, "notificationsEnabled": True}
        return {
            "registrationId": f"r{number}",
            "isPrimary": primary,
            "systemData": known | system,
        }

    devices = [
        push(1, deviceManufacturer="Google", deviceModel="Pixel 9"),
        push(2, primary=True),
        push(3, notificationsEnabled=False),
        push(4, registrationEnabled=False),
    ]
    content = lines(
        {"externalId": "ali", "contactInformation": {"push": devices}},
        {"contactInformation": {"push": [push(5, primary=True)]}},
    )
    report = importing("infobip", content)
    assert report.imported == {"bound": 2, "opted_out": 2, "anonymous": 1}
    reach = Targeting(store)
    assert [each.installation for each in reach.recipients("shop", "external_id:ali")] == [
        "r1",
        "r2",
    ]
    assert reach.preview("shop", "external_id:ali and primary") == ["r2"]
    assert Profiles(store).of("r1").installation.facts["device_manufacturer"] == "Google"


def test_a_page_over_several_lines_is_refused_with_what_splits_it(importing: Importing) -> None:
    with pytest.raises(InvalidValue, match=r"line 1: .*jq -c '\.channels\[\]'"):
        importing("airship", b'{"ok": true,\n"channels": []}\n')


def test_R53_braze_tells_app_and_device_of_each_token(
    store: MemoryStore, importing: Importing
) -> None:
    def used(platform: str, day: int) -> dict[str, str]:
        last = f"2026-10-{day:02}T10:00:00Z"
        return {"name": "Shop", "platform": platform, "version": f"4.{day}", "last_used": last}

    android = {"app": "Shop", "platform": "Android", "token": "t1", "device_id": "d1"}
    user = {
        "external_id": "ali",
        "braze_id": "b1",
        "push_tokens": [android],
        "apps": [used("iOS", 9), used("Android", 2)],
        "devices": [{"model": "iPhone 17"}, {"model": "Pixel 9", "device_id": "d1"}],
    }
    other = {"external_id": "bea", "push_tokens": [android | {"app": None, "token": "t2"}]}
    assert importing("braze", lines(user, other)).imported == {"bound": 2}
    [found] = Targeting(store).preview("shop", "external_id:ali")
    facts = Profiles(store).of(found).installation.facts
    assert (facts["app_version"], facts["device_model"]) == ("4.2", "Pixel 9")
    with store.reading() as view:
        assert view.last_seen(found) == datetime(2026, 10, 2, 10, tzinfo=UTC)


def test_R53_an_iphone_that_parse_reaches_by_fcm_has_a_token_of_fcm(
    store: MemoryStore, importing: Importing
) -> None:
    user = {"__type": "Pointer", "className": "_User", "objectId": "u1"}
    device = {"objectId": "p1", "deviceType": "ios", "pushType": "fcm", "deviceToken": "t1"}
    assert importing("parse", lines(device | {"user": user})).imported == {"bound": 1}
    [found] = Targeting(store).recipients("shop", "all")
    assert (found.service, found.address) == ("fcm", "t1")


def test_a_zip_is_refused_as_such(importing: Importing) -> None:
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("users.txt", b"{}")
    with pytest.raises(InvalidValue, match="is a ZIP archive: unpack it"):
        importing("braze", file.getvalue())
