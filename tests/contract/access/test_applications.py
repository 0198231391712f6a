"""Applications and API keys are kept alike wherever they are kept."""

from __future__ import annotations

import json

import pytest

from addressee.application import Applications, Store, issue_key, recognized
from addressee.domain import InvalidValue, LimitExceeded, MobileApp, UnknownApplication

SECRET = "00112233445566778899aabbccddeeff"


@pytest.fixture
def applications(store: Store) -> Applications:
    return store.applications


def test_an_application_comes_back_as_it_was_put(applications: Applications) -> None:
    shop = MobileApp(
        code="shop",
        user_data="jwt",
        jwt_keys={"main": SECRET},
        session_idle=60,
        device_cap=3,
        over_cap="evict",
        server_side_only=True,
        rate_limit=50,
    )
    applications.put(shop)
    applications.put(MobileApp(code="bank"))
    assert applications.get("shop") == shop
    assert applications.get("Shop") is None
    assert applications.get("none") is None
    assert [each.code for each in applications.all()] == ["bank", "shop"]
    applications.put(MobileApp(code="shop"))
    assert applications.get("shop") == MobileApp(code="shop")


def test_a_key_is_recognized_and_kept_as_a_hash_only(applications: Applications) -> None:
    applications.put(MobileApp(code="shop"))
    key = issue_key(applications, "shop", "backend")
    kept = recognized(applications.key, key)
    assert kept is not None
    assert (kept.application, kept.scope) == ("shop", "backend")
    assert key.partition(".")[2] not in repr(applications.keys("shop"))
    name, _, secret = key.partition(".")
    for wrong in ("", ".", name, f"{name}.", f"{name}.{secret}x", f"\0.{secret}", key.upper()):
        assert recognized(applications.key, wrong) is None, wrong


def test_keys_rotate_with_and_without_overlap(applications: Applications) -> None:
    applications.put(MobileApp(code="shop"))
    first = issue_key(applications, "shop", "backend")
    admin = issue_key(applications, "shop", "admin")
    second = issue_key(applications, "shop", "backend")
    assert recognized(applications.key, first)
    third = issue_key(applications, "shop", "backend", alone=True)
    assert [bool(recognized(applications.key, each)) for each in (first, second, third, admin)] == [
        False, False, True, True,
    ]  # fmt: skip
    assert applications.remove_key(third.partition(".")[0])
    assert not applications.remove_key(third.partition(".")[0])
    assert recognized(applications.key, third) is None
    with pytest.raises(UnknownApplication):
        issue_key(applications, "bank", "backend")


def test_a_record_has_no_setting_that_is_unset_so_that_earlier_releases_read_it() -> None:
    usual = json.loads(MobileApp(code="shop").written())
    assert {*usual}.isdisjoint({"issuers", "stale_after", "none_ids", "jwt_keys", "code"})
    assert usual["user_data"] == "open"
    for app in (MobileApp(code="shop", none_ids=()), MobileApp(code="shop", stale_after=60)):
        assert MobileApp.of("shop", json.loads(app.written())) == app


@pytest.mark.parametrize(
    ("settings", "error", "field"),
    [
        ({"colour": 1}, InvalidValue, "colour"),
        ({"user_data": "closed"}, InvalidValue, "user_data"),
        ({"device_cap": 0}, InvalidValue, "device_cap"),
        ({"device_cap": "3"}, InvalidValue, "device_cap"),
        ({"jwt_keys": {"main": "xyz"}}, InvalidValue, "jwt_keys"),
        ({"jwt_keys": {"main": "00ff"}}, LimitExceeded, "jwt_keys"),
        ({"jwt_keys": {"": SECRET}}, LimitExceeded, "jwt_keys name"),
    ],
)
def test_a_setting_that_is_refused_is_named_without_its_value(
    settings: dict[str, object], error: type[InvalidValue], field: str
) -> None:
    with pytest.raises(error) as refused:
        MobileApp.of("shop", settings)
    assert refused.value.field == field
    assert "00ff" not in str(refused.value)


def test_the_secret_of_sessions_stays_until_it_is_renewed(applications: Applications) -> None:
    first = applications.session_secret()
    assert len(first) == 32
    assert applications.session_secret() == first
    renewed = applications.session_secret(renew=True)
    assert renewed != first
    assert applications.session_secret() == renewed


def test_sessions_that_have_ended_are_known_until_they_would_be_over(
    applications: Applications,
) -> None:
    assert applications.ended_sessions() == frozenset()
    for _ in range(2):
        applications.end_session("a" * 32, until=100, now=10)
    applications.end_session("b_%", until=50, now=50)
    assert applications.ended_sessions() == {"a" * 32, "b_%"}
    applications.end_session("c", until=200, now=51)
    assert applications.ended_sessions() == {"a" * 32, "c"}
