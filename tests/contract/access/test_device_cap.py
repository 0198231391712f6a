"""How many installations a person may have, and callers that are confined to an application."""

from __future__ import annotations

import pytest

from addressee.application import Identity, Personalization
from addressee.domain import (
    DeviceCap,
    DeviceDepersonalized,
    DeviceLimitReached,
    NoRegistration,
    OtherPerson,
)
from tests.contract.conftest import Host


def capped(host: Host, cap: DeviceCap) -> None:
    host.people = Personalization(host.store, clock=host.clock, device_caps={"shop": cap})
    for name in "abcd":
        host.device(name)
    host.device("other", application="bank")


def test_one_more_than_the_cap_is_refused_and_changes_nothing(host: Host) -> None:
    capped(host, DeviceCap(2))
    host.login("a", "ali")
    host.login("b", "ali")
    with pytest.raises(DeviceLimitReached, match="2 installations"):
        host.login("c", "ali")
    assert host.found("external_id:ali") == ["a", "b"]
    assert host.topics("c") == ["InstallationRegistered"]
    host.login("a", "ali")
    host.login("other", "ali")
    host.people.depersonalize("a")
    host.login("c", "ali")
    assert host.found("external_id:ali") == ["b", "c"]


def test_the_least_recently_used_is_evicted_and_recorded(host: Host) -> None:
    capped(host, DeviceCap(2, "evict"))
    for name in "ab":
        host.clock.move(minutes=1)
        host.login(name, "ali")
    host.clock.move(minutes=1)
    host.people.touch("a")
    host.login("c", "ali")
    assert host.found("external_id:ali") == ["a", "c"]
    event = host.history.installation("b")[-1].event
    assert isinstance(event, DeviceDepersonalized)
    assert event.reason == "evicted"
    assert host.history.who("b") is None


def test_installations_of_other_applications_do_not_exist_for_the_confined(host: Host) -> None:
    host.device("a")
    host.device("b", application="bank")
    ali = host.login("a", "ali")
    host.login("b", "ali")
    identity = Identity(external_id="eve")
    for attempt in (
        lambda: host.people.personalize("a", identity, force_depersonalize=True, within="bank"),
        lambda: host.people.depersonalize("a", within="bank"),
        lambda: host.people.depersonalize("b", by="a", within="bank"),
        lambda: host.people.set_primary("a", within="bank"),
        lambda: host.people.update_installation("a", os="ios", within="bank"),
        lambda: host.people.update_person("a", identity, within="bank"),
        lambda: host.people.tag_installation("a", add={"x"}, within="bank"),
        lambda: host.people.expire("a", "unregistered", within="bank"),
        lambda: host.people.touch("a", within="bank"),
        lambda: host.people.register("bank", installation="a", within="bank"),
    ):
        with pytest.raises(NoRegistration, match="a is not registered"):
            attempt()
    assert host.topics("a") == ["InstallationRegistered", "DevicePersonalized"]
    assert host.people.depersonalize_all(ali, within="bank").installations == ("b",)
    assert host.found("external_id:ali") == ["a"]


def test_a_change_that_is_meant_for_one_person_changes_nobody_else(host: Host) -> None:
    host.device("a")
    attributes = {"first_name": "Ali"}
    with pytest.raises(OtherPerson):
        host.people.update_person("a", attributes=attributes, of="ali")
    host.login("a", "eve")
    with pytest.raises(OtherPerson):
        host.people.update_person("a", attributes=attributes, of="ali")
    assert host.people.update_person("a", attributes=attributes, of="eve").outcome == "updated"
