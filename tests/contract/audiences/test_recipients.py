"""Where a push reaches the installations of an audience (R38)."""

from __future__ import annotations

from typing import Any

import pytest

from addressee.application import AuditableStore, Recipient, verify
from addressee.domain import InvalidValue, LimitExceeded, NoRegistration
from tests.contract.conftest import Host

KEYS = {"webpush_p256dh": "key", "webpush_auth": "secret"}
APNS = {"apns_environment": "sandbox", "apns_topic": "com.shop"}


def reached(host: Host, audience: str = "all", **options: Any) -> list[Recipient]:  # noqa: ANN401 # of recipients
    return list(host.reach.recipients("shop", audience, **options))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"push_service": "Firebase", "push_token": "t"}, ("fcm", "t", {})),
        ({"push_service": "GCM", "push_token": "t"}, ("fcm", "t", {})),
        ({"os": "Android", "push_token": "t", "fid": "f"}, ("fcm", "f", {"kind": "fid"})),
        ({"os": "iOS", "push_token": "t"}, ("apns", "t", {})),
        (
            {"push_service": "APNS", "push_token": "t", **APNS},
            ("apns", "t", {"environment": "sandbox", "topic": "com.shop"}),
        ),
        (
            {"push_service": "webpush", "push_token": "https://push.example/1", **KEYS},
            ("webpush", "https://push.example/1", {"p256dh": "key", "auth": "secret"}),
        ),
        ({"push_service": "HMS", "push_token": "t"}, ("hms", "t", {})),
        ({"push_service": "Infobip"}, ("vendor", "phone", {})),
        ({"push_service": "Own", "push_token": "t"}, ("own", "t", {})),
        ({"push_token": "t"}, ("fcm", "t", {})),
    ],
)
def test_R38_facts_give_service_address_and_details(
    host: Host, facts: dict[str, str], expected: tuple[object, ...]
) -> None:
    host.device(**facts)
    person = host.login("phone", "ali")
    [found] = reached(host, "external_id:ali")
    assert (found.installation, found.person, found.since) == ("phone", person, host.clock.now)
    assert (found.service, found.address, found.details) == expected


def test_R38_in_the_order_of_targets_and_without_address_counted(host: Host) -> None:
    for n in range(40):
        host.device(f"d{n}", **({} if n % 4 == 3 else {"push_token": f"t{n}"}))
    host.people.update_installation("d1", push_token=None)
    host.people.expire("d2", "unregistered")
    host.device("elsewhere", "bank", push_token="t0")
    found = host.reach.recipients("shop", "all")
    addressed = [n for n in range(40) if n % 4 != 3 and n not in (1, 2)]
    assert [(r.installation, r.address) for r in found] == [(f"d{n}", f"t{n}") for n in addressed]
    assert found.without_address == 11
    [*rest] = reached(host, after="d38")
    assert rest == []
    sparse = " or ".join(f"installation:d{n}" for n in (0, 3, 38))
    assert [r.installation for r in reached(host, sparse)] == ["d0", "d38"]
    with pytest.raises(NoRegistration):
        reached(host, after="missing")


def test_R38_a_rotated_token_is_followed_and_keeps_its_time_while_it_stays(host: Host) -> None:
    host.device(push_token="old", os="Android")
    first = host.clock.now
    host.clock.move(hours=1)
    host.people.update_installation("phone", push_token="old", language="de", os_version="15")
    host.people.update_installation("phone", push_service="Firebase")
    assert [(r.address, r.since) for r in reached(host)] == [("old", first)]
    later = host.clock.move(hours=1)
    host.people.update_installation("phone", push_token="new")
    assert [(r.address, r.since) for r in reached(host)] == [("new", later)]
    past = host.reach.as_of(first).recipients("shop", "all")
    assert [r.address for r in past] == ["old"]
    host.people.update_installation("phone", push_service="HMS")
    assert [(r.service, r.address) for r in reached(host)] == [("hms", "new")]


def test_R38_the_person_is_the_one_of_now(host: Host) -> None:
    host.device(push_token="t")
    assert [r.person for r in reached(host)] == [None]
    ali = host.login("phone", "ali")
    assert [r.person for r in reached(host)] == [ali]
    host.people.depersonalize("phone")
    assert [r.person for r in reached(host)] == [None]
    assert reached(host, "external_id:ali") == []


def test_R38_what_a_host_does_to_details_stays_its_own(host: Host) -> None:
    host.device(push_token="t", os="iOS", **APNS)
    [found] = reached(host)
    found.details.clear()  # type: ignore[attr-defined] # a host that is careless
    assert [r.details for r in reached(host)] == [{"environment": "sandbox", "topic": "com.shop"}]


def test_R38_neither_recipient_nor_difference_shows_an_address(host: Host) -> None:
    host.device(push_token="secret-token")
    [found] = reached(host)
    assert "secret-token" not in repr(found)
    with host.store.reading() as reader:
        assert "secret-token" not in repr(reader.recipients([found.ordinal]))


def test_R7_a_firebase_installation_id_has_one_live_installation(host: Host) -> None:
    host.device("old", fid="f", push_token="t1")
    answer = host.people.register("shop", installation="new", fid="f", push_token="t2")
    assert answer.superseded == "old"
    assert [(r.installation, r.address) for r in reached(host)] == [("new", "f")]
    host.device("newest", push_token="t3")
    host.people.update_installation("newest", fid="f")
    assert [r.installation for r in reached(host)] == ["newest"]


def test_R8_facts_of_an_address_are_checked(host: Host) -> None:
    host.device()
    with pytest.raises(InvalidValue, match="apns_environment"):
        host.people.update_installation("phone", apns_environment="test")  # type: ignore[arg-type] # the case
    with pytest.raises(LimitExceeded, match="fid"):
        host.people.update_installation("phone", fid="")


def test_R37_addresses_of_a_store_are_whole(host: Host) -> None:
    assert isinstance(host.store, AuditableStore)
    host.device(push_token="t", os="iOS", **APNS)
    host.device("gone", push_token="t2")
    host.people.expire("gone", "token_rejected")
    assert verify(host.store).differences == ()
    with host.store.reading() as reader:
        ordinals = sorted(reader.ordinals("shop", {"phone", "gone"}).values())
        assert [each.installation for each in reader.recipients(ordinals)] == ["phone"]
