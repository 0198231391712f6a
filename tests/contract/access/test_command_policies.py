"""Policies of mobile apps as commands obey them: the store's own, unless the host has others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from addressee.application import (
    Identity,
    Personalization,
    Profiles,
    SessionPolicy,
    Targeting,
    issue_key,
    recognized,
)
from addressee.application.access.application_policies import Policies
from addressee.application.access.cached_applications import FRESH, Configured
from addressee.domain import (
    DeviceCap,
    DeviceLimitReached,
    InvalidValue,
    MobileApp,
    PersonProtected,
    UnknownApplication,
    UserData,
    other_modes,
)
from tests.contract.conftest import Host

ALI = Identity(external_id="ali")


def test_a_store_brings_its_policies_along(host: Host) -> None:
    host.store.applications.put(MobileApp(code="shop", device_cap=1, session_idle=60))
    people = Personalization(host.store, clock=host.clock)
    for name in "ab":
        host.device(name)
    people.personalize("a", ALI)
    with pytest.raises(DeviceLimitReached):
        people.personalize("b", ALI)
    host.clock.move(seconds=60)
    assert [each.installations for each in people.expire_sessions()] == [("a",)]


def test_policies_of_the_host_take_their_place(host: Host) -> None:
    host.store.applications.put(MobileApp(code="shop", device_cap=1, session_idle=60))
    people = Personalization(
        host.store,
        clock=host.clock,
        device_caps={"shop": DeviceCap(2)},
        sessions={"bank": SessionPolicy(timedelta(1))},
    )
    for name in "abc":
        host.device(name)
    for name in "ab":
        people.personalize(name, ALI)
    with pytest.raises(DeviceLimitReached):
        people.personalize("c", ALI)
    host.clock.move(days=9)
    assert people.expire_sessions() == []


def test_an_application_that_changed_counts_once_a_second_has_passed(host: Host) -> None:
    seconds = [0.0]
    policies = Policies(timer=lambda: seconds[0])
    host.store.applications.put(MobileApp(code="shop", device_cap=1))
    with host.store.reading() as reader:
        assert policies.cap("shop", reader) == DeviceCap(1)
    host.store.applications.put(MobileApp(code="shop", device_cap=2))
    for seconds[0], most in ((FRESH - 0.01, 1), (FRESH, 2)):
        with host.store.reading() as reader:
            assert policies.cap("shop", reader) == DeviceCap(most)


def test_the_view_of_a_hosts_transaction_is_not_cached(host: Host) -> None:
    policies = Policies()
    host.store.applications.put(MobileApp(code="shop", device_cap=1))
    with host.store.reading() as reader:
        assert policies.for_transaction_of_host().cap("shop", reader) == DeviceCap(1)
    host.store.applications.put(MobileApp(code="shop", device_cap=2))
    with host.store.reading() as reader:
        assert policies.cap("shop", reader) == DeviceCap(2)


def test_a_key_that_ended_is_refused_once_a_second_has_passed(host: Host) -> None:
    seconds = [0.0]
    applications = host.store.applications
    configured = Configured(applications, timer=lambda: seconds[0])
    applications.put(MobileApp(code="shop"))
    key = issue_key(applications, "shop", "backend")
    assert recognized(configured.key, key)
    assert configured.application("shop") == MobileApp(code="shop")
    applications.remove_key(key.partition(".")[0])
    applications.put(MobileApp(code="shop", rate_limit=1))
    for seconds[0], holds in ((FRESH - 0.01, True), (FRESH, False)):
        assert bool(recognized(configured.key, key)) is holds
        assert (configured.application("shop") == MobileApp(code="shop")) is holds


@pytest.mark.parametrize("wrong", [{"sessions": {"shop": 30}}, {"device_caps": {"shop": 2}}])
def test_a_policy_of_a_wrong_type_is_refused_at_once(host: Host, wrong: dict[str, object]) -> None:
    [kind] = wrong
    with pytest.raises(InvalidValue, match=rf"^{kind}\.shop should be of type "):
        Personalization(host.store, **wrong)  # type: ignore[arg-type] # wrong on purpose


def test_strict_refuses_applications_that_are_not_configured(host: Host) -> None:
    host.store.applications.put(MobileApp(code="shop"))
    people = Personalization(host.store, strict=True)
    reach = Targeting(host.store, strict=True)
    people.register("shop", installation="a")
    assert reach.count("shop", "all") == 1
    for call in (
        lambda: people.register("shopp"),
        lambda: people.define_segment("shopp", "s", "all"),
        lambda: reach.count("shopp", "all"),
        lambda: reach.targets("shopp", "all"),
        lambda: reach.as_of(1).count("shopp", "all"),
    ):
        with pytest.raises(UnknownApplication, match="shopp"):
            call()
    assert host.reach.count("shopp", "all") == 0


MODES: dict[str, UserData] = {"open": "open", "jwt": "jwt", "locked": "restricted"}


@pytest.fixture
def mixed(host: Host) -> Host:
    """Return a host with an application in each mode, and a device in each."""
    for code, mode in MODES.items():
        host.store.applications.put(MobileApp(code=code, user_data=mode))
        host.device(code, application=code)
        host.device(f"{code}-2", application=code)
    return host


@pytest.mark.parametrize(("met", "device", "allowed"), [
    ("open", "open", True),
    ("open", "jwt", True),
    ("jwt", "open", False),
    ("jwt", "jwt", True),
    ("locked", "open", False),
    ("locked", "jwt", False),
    ("locked", "locked", True),
])  # fmt: skip
def test_R56_a_person_is_as_protected_as_the_strictest_that_met_them(
    mixed: Host, met: str, device: str, allowed: bool
) -> None:
    people, profiles = mixed.people, Profiles(mixed.store, mixed.people)
    people.personalize(device, Identity("ceo", emails=["ceo@x.com"]))  # the backend's doing
    people.personalize(f"{met}-2", Identity("ceo"))
    people.depersonalize(f"{met}-2")
    topics, mode = mixed.topics(device), MODES[device]
    attempts = (
        lambda: people.personalize(f"{device}-2", Identity("ceo"), user_data=mode),
        lambda: people.personalize(
            f"{device}-2", Identity(emails=["ceo@x.com"]), force_depersonalize=True, user_data=mode
        ),
        lambda: people.update_person(device, attributes={"first_name": "P"}, user_data=mode),
        lambda: profiles.of(device, user_data=mode).person,
    )
    for attempt in attempts:
        if allowed:
            assert attempt()
        else:
            with pytest.raises(PersonProtected):
                attempt()
    assert (mixed.topics(device) == topics) is True
    assert people.depersonalize(device).outcome == "depersonalized"


def test_R56_a_caller_that_is_no_device_reaches_everybody(mixed: Host) -> None:
    mixed.people.personalize("jwt", Identity("ceo"))
    assert mixed.people.personalize("open", Identity("ceo")).outcome == "attached"
    assert Profiles(mixed.store).of("open").person


def test_R56_a_mix_of_modes_is_named() -> None:
    apps = [MobileApp(code=code, user_data=mode) for code, mode in MODES.items()]
    assert other_modes(MobileApp(code="jwt", user_data="open"), apps) == {"locked": "restricted"}
    assert other_modes(MobileApp(code="new", user_data="jwt"), apps) == {
        "open": "open",
        "locked": "restricted",
    }


def test_R55_contacts_that_nobody_vouches_for_are_left_out() -> None:
    given = Identity("ali", ["385991111666"], ["a@x.com", "b@x.com"])
    bare = Identity("ali")
    opened, token = MobileApp(code="a"), MobileApp(code="a", user_data="jwt")
    assert opened.admitted(given) == given
    assert token.admitted(given) == bare
    assert token.admitted(given, Identity(emails=["B@x.com"])) == Identity(
        "ali", emails=["b@x.com"]
    )
    own = MobileApp(code="a", user_data="jwt", contacts="self")
    vouched = MobileApp(code="a", contacts="vouched")
    assert (own.admitted(given), vouched.admitted(given)) == (given, bare)
