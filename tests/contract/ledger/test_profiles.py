"""What is known now, of installations and persons."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from addressee.application import Identity, Profiles
from addressee.domain import (
    AmbiguousPersonalizeCandidates,
    Identifier,
    NoRegistration,
    UnknownPerson,
    UserIdentityInvalid,
)
from tests.contract.conftest import Host


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


def test_R49_what_is_handed_out_can_t_be_changed(host: Host) -> None:
    profiles = Profiles(host.store, host.people)
    device = host.device(os="ios")
    ali = host.people.personalize(device, Identity("ali"), {"plan": "gold"}, {"a"}).person
    profile = profiles.of(device)
    person = profile.person
    assert person is not None
    attempts: list[Callable[[], object]] = [
        lambda: person.tags.add("vip"),  # type: ignore[attr-defined] # wrong on purpose
        lambda: person.attributes.update(plan="free"),  # type: ignore[attr-defined] # likewise
        lambda: person.devices.pop(device),  # type: ignore[attr-defined] # likewise
        lambda: person.identifiers.append(Identifier("email", "x@x.com")),  # type: ignore[attr-defined] # likewise
        lambda: profile.installation.facts.update(os="x"),  # type: ignore[attr-defined] # likewise
        lambda: setattr(person, "type", "LEAD"),
        lambda: setattr(profile.installation, "person", None),
        lambda: setattr(host.people.touch(device), "outcome", "updated"),
    ]
    for attempt in attempts:
        with pytest.raises(AttributeError):
            attempt()
    assert host.people.tag(ali, add=["vip"]).outcome == "updated"
    assert host.found("tag:vip and attr.plan:gold and os:ios") == [device]


def test_R49_a_state_stays_as_it_was(host: Host) -> None:
    profiles = Profiles(host.store, host.people)
    device = host.device()
    ali = host.people.personalize(device, Identity("ali"), {"n": 1}, {"a"}).person
    before = profiles.person(ali)
    host.people.update_person(device, attributes={"n": 2}, tags={"b"})
    host.people.depersonalize(device)
    assert (before.attributes, before.tags, before.devices) == ({"n": 1}, {"a"}, {device: "shop"})


def test_R49_the_text_of_a_state_shows_no_personal_data(host: Host) -> None:
    device = host.device(device_name="Ali's phone")
    host.people.personalize(device, Identity(emails=["a@x.com"]), {"iban": "HR12"}, {"vip"})
    text = repr(Profiles(host.store).of(device))
    assert not [secret for secret in ("a@x.com", "HR12", "vip", "Ali's") if secret in text]


def test_R7_an_installation_is_told_as_its_registration_left_it(host: Host) -> None:
    profiles = Profiles(host.store)
    first = host.people.register("shop", installation="first", push_token="t")
    second = host.people.register("shop", installation="second", push_token="t")
    assert second.superseded == "first"
    for reader in (profiles, Profiles(host.store, host.people)):
        state = reader.installation("first", at=first.position)
        assert (state.expired, state.facts) == (None, {"push_token": "t"})
        assert reader.installation("first", at=second.position).expired == "superseded"
    with pytest.raises(NoRegistration):
        profiles.installation("second", at=first.position)


def test_R36_ids_that_name_nobody_are_refused_and_identifiers_find_nobody(host: Host) -> None:
    profiles = Profiles(host.store, host.people)
    with pytest.raises(UnknownPerson):
        profiles.person("nobody")
    with pytest.raises(UserIdentityInvalid):
        profiles.find(Identity())
    assert profiles.find(Identity(emails=["a@x.com"])) is None


def test_R36_a_person_is_found_by_any_identifier(host: Host) -> None:
    profiles = Profiles(host.store, host.people)
    device = host.device()
    ali = host.people.personalize(device, Identity("ali", ["385991111666"], ["a@x.com"])).person
    for identity in (
        Identity("ali"),
        Identity(msisdns=["+385 99 111 1666"]),
        Identity("new", emails=["A@X.com"]),
    ):
        found = profiles.find(identity)
        assert found is not None
        assert (found.name, found.values("email")) == (ali, ["a@x.com"])
    host.login(host.device("other", application="bank"), "bob")
    with pytest.raises(AmbiguousPersonalizeCandidates):
        profiles.find(Identity("bob", emails=["a@x.com"]))
    alone = profiles.find(Identity("bob", emails=["a@x.com"]), within="shop")
    assert alone == profiles.person(ali)
    assert profiles.find(Identity("bob"), within="shop") is None
    host.people.depersonalize(device)
    known = profiles.find(Identity("ali"), within="shop")
    assert known is not None
    with pytest.raises(UnknownPerson):
        profiles.person(ali, within="bank")
