"""Tables of django-push-notifications and fcm-django."""

from __future__ import annotations

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import Profiles, Targeting
from addressee.domain import InvalidValue
from tests.integration.imports.conftest import Importing, table

SYSTEM = "django-push-notifications"
GCM = ("id", "name", "active", "user_id", "device_id", "registration_id", "cloud_message_type")
APNS = ("id", "name", "active", "user_id", "device_id", "registration_id")
WEB = ("id", "name", "active", "user_id", "registration_id", "p256dh", "auth", "browser")


def test_R53_a_table_becomes_installations_and_the_last_of_two_users_keeps_the_token(
    store: MemoryStore, importing: Importing
) -> None:
    content = table(
        GCM,
        (1, "tablet", "t", 42, -9223372036854775808, "shared", "FCM"),
        (2, "", "t", 43, "", "shared", "FCM"),
        (3, "", "f", 42, "", "old", "FCM"),
        (4, "", "t", "", "", "nobody", "FCM"),
        (5, "", "t", 42, "", "", "FCM"),
        (6, "", "maybe", 42, "", "x", "FCM"),
    )
    report = importing(SYSTEM, content)
    assert report.imported == {"bound": 1, "superseded": 1, "expired": 1, "anonymous": 1}
    assert report.skipped == {"no_address": 1, "REQUEST_FORMAT_INVALID": 1}
    assert any("no row says when" in note for note in report.notes)
    reach = Targeting(store)
    assert reach.preview("shop", "external_id:43") == ["shop:gcm:2"]
    assert reach.count("shop", "external_id:42") == 0
    assert reach.count("shop", "all") == 2


def test_device_ids_are_signed(store: MemoryStore, importing: Importing) -> None:
    importing(SYSTEM, table(GCM, (1, "tablet", "t", 42, -7, "token", "FCM")))
    device = Profiles(store).of("shop:gcm:1").installation
    assert device.attributes == {"device_id": "-7", "name": "tablet"}


def test_ids_of_the_tables_are_kept_apart(store: MemoryStore, importing: Importing) -> None:
    importing(SYSTEM, table(GCM, (1, "", "t", 42, "", "token", "FCM")))
    apple = table(
        APNS,
        (1, "", "True", 42, "", "ab" * 32),
        (2, "", "True", 42, "", "https://push.notify.test/?token=a"),
    )
    report = importing(SYSTEM, apple, apns_environment="sandbox")
    assert (report.imported, report.skipped) == ({"bound": 1}, {"service_not_supported": 1})
    web = table(WEB, (1, "", 1, 42, "https://push.test/1", "key", "secret", "CHROME"))
    assert importing(SYSTEM, web).imported == {"bound": 1}
    found = {r.service: r.details for r in Targeting(store).recipients("shop", "external_id:42")}
    assert found["apns"]["environment"] == "sandbox"
    assert found["webpush"] == {"p256dh": "key", "auth": "secret"}
    assert found["fcm"] == {}


def test_a_table_without_users_is_refused(importing: Importing) -> None:
    with pytest.raises(InvalidValue, match="names no person"):
        importing(SYSTEM, table(("id", "active", "registration_id"), (1, "t", "token")))


def test_R53_all_tokens_of_fcm_django_are_of_fcm(store: MemoryStore, importing: Importing) -> None:
    content = table(
        ("id", "name", "active", "user_id", "device_id", "registration_id", "type"),
        (1, "", "t", 42, "a", "token-1", "ios"),
        (2, "", "t", 42, "b", "token-2", "web"),
        (3, "", "f", 42, "c", "token-2", "android"),
        (4, "", "t", "None", "d", "token-4", "android"),
        (5, "", "t", 42, "e", "", "android"),
    )
    report = importing("fcm-django", content)
    assert report.imported == {"bound": 2, "expired": 1, "anonymous": 1}
    assert report.skipped == {"no_address": 1}
    found = Targeting(store).recipients("shop", "external_id:42")
    assert [(r.installation, r.service) for r in found] == [
        ("shop:fcm:1", "fcm"),
        ("shop:fcm:2", "fcm"),
    ]


def test_R53_the_last_part_of_a_browsers_endpoint_goes_on_where_the_package_sends_to(
    store: MemoryStore, importing: Importing
) -> None:
    content = table(
        WEB,
        (1, "", 1, 42, "token-1", "key", "secret", "CHROME"),
        (2, "", 1, 42, "token-2", "key", "secret", "FIREFOX"),
        (3, "", 1, 42, "token-3", "key", "secret", "LYNX"),
    )
    report = importing(SYSTEM, content)
    assert (report.imported, report.skipped) == ({"bound": 2}, {"service_not_supported": 1})
    assert [each.address for each in Targeting(store).recipients("shop", "external_id:42")] == [
        "https://fcm.googleapis.com/fcm/send/token-1",
        "https://updates.push.services.mozilla.com/wpush/v2/token-2",
    ]
