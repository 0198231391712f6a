"""Amazon Pinpoint's endpoints."""

from __future__ import annotations

from addressee.adapters.memory import MemoryStore
from addressee.application import Profiles, Targeting
from tests.integration.imports.conftest import Importing, lines, table


def test_R53_exported_endpoints_tell_the_environment_of_apple(
    store: MemoryStore, importing: Importing
) -> None:
    user = {"UserId": "ali", "UserAttributes": {"plan": ["gold"], "none": ["null"]}}
    endpoint = {
        "ChannelType": "GCM",
        "EndpointStatus": "ACTIVE",
        "OptOut": "NONE",
        "EffectiveDate": "2026-10-01T08:00:00.000Z",
        "Demographic": {"Platform": "Android", "AppVersion": "4.2", "Locale": "hr_HR"},
        "Attributes": {"colour": ["red", "blue"]},
        "User": user,
    }
    apple = endpoint | {"Demographic": {"Platform": "iOS"}}
    content = lines(
        endpoint | {"Id": "e1", "Address": "t1"},
        apple | {"Id": "e2", "Address": "ab" * 32, "ChannelType": "APNS"},
        apple | {"Id": "e3", "Address": "cd" * 32, "ChannelType": "APNS_SANDBOX"},
        endpoint | {"Id": "e4", "Address": "t4", "EndpointStatus": "INACTIVE"},
        endpoint | {"Id": "e5", "Address": "t5", "OptOut": "ALL"},
        endpoint | {"Id": "e6", "Address": "t6", "User": {"UserId": "undefined"}},
        endpoint | {"Id": "e7", "Address": "ali@shop.test", "ChannelType": "EMAIL"},
        endpoint | {"Id": "e8", "Address": "+385911234567", "ChannelType": "SMS"},
        endpoint | {"Id": "e9", "Address": "x", "ChannelType": "APNS_VOIP"},
        endpoint | {"Id": "e10"},
        endpoint
        | {
            "Id": "e11",
            "Address": "a@b.test",
            "ChannelType": "EMAIL",
            "EndpointStatus": "INACTIVE",
        },
    )
    report = importing("pinpoint", content)
    assert report.imported == {
        "bound": 3,
        "expired": 1,
        "opted_out": 1,
        "anonymous": 1,
        "contact": 2,
    }
    assert report.skipped == {"service_not_supported": 1, "no_address": 1, "dead_contact": 1}
    found = {
        r.installation: r.details.get("environment")
        for r in Targeting(store).recipients("shop", "msisdn:385911234567")
    }
    assert found == {"e1": None, "e2": "production", "e3": "sandbox"}
    profile = Profiles(store).of("e1")
    assert profile.installation.attributes == {"colour": ({"value": "red"}, {"value": "blue"})}
    assert profile.person is not None
    assert profile.person.attributes == {"plan": "gold"}


def test_R53_values_under_a_repeated_header_are_all_kept(
    store: MemoryStore, importing: Importing
) -> None:
    header = (
        "ChannelType",
        "Address",
        "User.UserId",
        "Attributes.colour",
        "Attributes.colour",
        "User.UserAttributes.plan",
    )
    report = importing(
        "pinpoint",
        table(
            header, ("GCM", "t1", "ali", "red", "blue", "gold"), ("GCM", "t2", "", "red", "", "")
        ),
    )
    assert report.imported == {"bound": 1, "anonymous": 1}
    [device] = Targeting(store).preview("shop", "external_id:ali")
    kept = Profiles(store).of(device).installation.attributes
    assert kept == {"colour": ({"value": "red"}, {"value": "blue"})}
