"""What is known now, of installations and persons."""

from __future__ import annotations

import pytest

from addressee.application import Identity, Profiles
from addressee.domain import NoRegistration

from .conftest import Host


def test_a_profile_is_as_new_as_the_last_command_of_anybody(host: Host) -> None:
    profiles = Profiles(host.store)
    for name in "ab":
        host.device(name)
    host.device("other", application="bank")
    assert profiles.of("a").person is None
    ali = host.login("b", "ali")
    host.login("other", "ali")
    host.login("a", "ali")
    profile = profiles.of("a")
    assert profile.person is not None
    assert profile.person.name == ali
    assert [device.name for device in profile.devices] == ["b", "a"]
    host.people.update_person("a", attributes={"first_name": "Ali"})
    again = profiles.of("a").person
    assert again is not None
    assert again.attributes == {"first_name": "Ali"}
    host.people.depersonalize("a")
    alone = profiles.of("a")
    assert (alone.person, [device.name for device in alone.devices]) == (None, ["a"])


def test_a_profile_of_what_is_not_there_or_anothers(host: Host) -> None:
    profiles = Profiles(host.store)
    host.device("a")
    host.device("gone")
    host.people.expire("gone", "unregistered")
    for name, within in (("gone", None), ("never", None), ("a", "bank")):
        with pytest.raises(NoRegistration):
            profiles.of(name, within=within)


def test_a_person_has_seen_at_least_the_position_that_is_asked_for(host: Host) -> None:
    profiles = Profiles(host.store, host.people)
    host.device("a")
    first = host.people.personalize("a", Identity(external_id="ali"))
    assert profiles.person(first.person, since=first.position).values("external_id") == ["ali"]
    elsewhere = Host(host.store, host.clock)
    later = elsewhere.people.update_person("a", attributes={"n": 1})
    assert profiles.person(first.person, since=later.position).attributes == {"n": 1}
    assert profiles.person(first.person).attributes == {"n": 1}
