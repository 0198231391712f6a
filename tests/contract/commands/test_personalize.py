"""Signing in (R10 to R17)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from addressee.application import Identity
from addressee.domain import (
    AddresseeError,
    AmbiguousPersonalizeCandidates,
    EmailInvalid,
    LimitExceeded,
    NoRegistration,
    PersonalizationImpossible,
    UserIdentityInvalid,
    UserMergeInterrupted,
)
from tests.contract.conftest import Host


def test_R10_an_empty_identity_is_refused(host: Host) -> None:
    with pytest.raises(UserIdentityInvalid):
        host.people.personalize(host.device(), Identity())


def test_R11_nobody_holds_the_identifiers_so_a_person_is_made(host: Host) -> None:
    answer = host.people.personalize(
        host.device(), Identity(external_id="ali"), {"first_name": "A"}
    )
    assert (answer.outcome, answer.previous_person) == ("attached", None)
    assert host.history.who("phone") == answer.person


def test_R11_the_installations_own_lead_is_promoted_and_keeps_what_is_known(host: Host) -> None:
    device = host.device()
    lead = host.people.update_person(device, attributes={"plan": "gold"}, tags={"new"}).person
    answer = host.people.personalize(device, Identity(emails=["ali@x.com"]))
    assert (answer.outcome, answer.person) == ("promoted", lead)
    assert host.found("attr.plan:gold and tag:new and type:customer and email:ali@x.com") == [
        device
    ]


def test_R11_one_holder_of_any_identifier_is_the_person(host: Host) -> None:
    ali = host.people.personalize(host.device("a"), Identity(external_id="ali", emails=["a@x.com"]))
    same = host.people.personalize(
        host.device("b"), Identity(emails=["A@X.com"], msisdns=["+385991111666"])
    )
    assert same.person == ali.person
    assert host.found("msisdn:385991111666") == ["a", "b"]


def test_R11_several_holders_are_ambiguous_and_the_clash_is_named(host: Host) -> None:
    host.people.personalize(host.device("a"), Identity(external_id="ali"))
    host.people.personalize(host.device("b"), Identity(emails=["bob@x.com"]))
    with pytest.raises(AmbiguousPersonalizeCandidates) as refused:
        host.people.personalize(
            host.device("c"), Identity(external_id="ali", emails=["new@x.com", "bob@x.com"])
        )
    assert refused.value.fields == ("external_id", "emails[1]")
    assert "bob" not in str(refused.value)
    assert host.history.identifier("email", "new@x.com") == ()
    assert host.topics("c") == ["InstallationRegistered"]


def test_R12_new_identifiers_are_added_but_no_second_external_id(host: Host) -> None:
    host.people.personalize(host.device("a"), Identity(external_id="ali", emails=["a@x.com"]))
    host.device("b")
    with pytest.raises(UserMergeInterrupted):
        host.people.personalize("b", Identity(external_id="other", emails=["a@x.com"]))
    assert host.found("external_id:other") == []
    assert host.history.identifier("external_id", "other") == ()


def test_R13_another_persons_installation_needs_force(host: Host) -> None:
    device = host.device()
    ali = host.login(device, "ali", set_primary=True)
    for identity in (Identity(external_id="bob"), Identity(emails=["new@x.com"])):
        with pytest.raises(PersonalizationImpossible):
            host.people.personalize(device, identity)
    taken = host.people.personalize(device, Identity(external_id="bob"), force_depersonalize=True)
    assert (taken.outcome, taken.previous_person) == ("rebound", ali)
    assert host.topics(device)[-3:] == [
        "PrimaryChanged",
        "DeviceDepersonalized",
        "DevicePersonalized",
    ]
    left = host.history.person(ali)[-1].event
    assert getattr(left, "reason", None) == "forced"
    assert (host.found("external_id:ali"), host.found("external_id:bob")) == ([], [device])


def test_R13_a_lead_is_left_behind_without_force(host: Host) -> None:
    host.login(host.device("a"), "ali")
    device = host.device("b")
    lead = host.people.update_person(device, tags={"visitor"}).person
    answer = host.people.personalize(device, Identity(external_id="ali"))
    assert (answer.outcome, answer.previous_person) == ("rebound", lead)
    assert host.found("tag:visitor") == []
    assert host.found("external_id:ali") == ["a", "b"]


def test_R14_the_same_person_again_is_no_new_binding(host: Host) -> None:
    device = host.device()
    host.login(device, "ali")
    before = host.topics(device)
    again = host.people.personalize(device, Identity(external_id="ali"), {"plan": "gold"}, {"vip"})
    assert again.outcome == "unchanged"
    assert host.topics(device) == before
    assert host.found("tag:vip and attr.plan:gold") == [device]


def test_R15_attributes_overwrite_null_removes_tags_replace(host: Host) -> None:
    device = host.device()
    ali = Identity(external_id="ali")
    host.people.personalize(device, ali, {"plan": "gold", "first_name": "Ali"}, {"a", "b"})
    host.people.personalize(device, ali, {"plan": None}, {"b", "c"})
    assert host.found("attr.plan:gold or tag:a") == []
    assert host.found("tag:b and tag:c") == [device]
    assert host.people.personalize(device, ali).outcome == "unchanged"
    assert host.found("tag:b and tag:c") == [device]
    host.people.personalize(device, ali, tags=())
    assert host.found("tag:b or tag:c") == []


def crowded(host: Host) -> None:
    """Fill a world in which anything can be refused."""
    full = Identity(external_id="full", emails=[f"full{n}@x.com" for n in range(100)])
    host.people.personalize(host.device("full"), full)
    host.login(host.device("bob"), "bob")
    host.login(host.device("taken"), "carol")


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (EmailInvalid, lambda p: p.personalize("nowhere", Identity(emails=["broken"]))),
        (UserIdentityInvalid, lambda p: p.personalize("nowhere", Identity())),
        (
            NoRegistration,
            lambda p: p.personalize("nowhere", Identity(external_id="bob", emails=["full0@x.com"])),
        ),
        (
            AmbiguousPersonalizeCandidates,
            lambda p: p.personalize("taken", Identity(external_id="bob", emails=["full0@x.com"])),
        ),
        (
            PersonalizationImpossible,
            lambda p: p.personalize("taken", Identity(external_id="x", emails=["full0@x.com"])),
        ),
        (
            UserMergeInterrupted,
            lambda p: p.personalize(
                "taken",
                Identity(external_id="x", emails=["full0@x.com", "more@x.com"]),
                force_depersonalize=True,
            ),
        ),
        (
            LimitExceeded,
            lambda p: p.personalize(
                "taken", Identity(emails=["full0@x.com", "more@x.com"]), force_depersonalize=True
            ),
        ),
    ],
)
def test_R15_the_first_refusal_of_the_order_is_given_and_nothing_recorded(
    host: Host, error: type[AddresseeError], call: Callable[[object], object]
) -> None:
    crowded(host)
    with host.store.reading() as reader:
        before = reader.events(0, 100_000)
    with pytest.raises(error) as refused:
        call(host.people)
    assert type(refused.value) is error
    with host.store.reading() as reader:
        assert reader.events(0, 100_000) == before


def test_R4_over_a_hundred_contacts_names_field_limit_and_size(host: Host) -> None:
    crowded(host)
    with pytest.raises(LimitExceeded) as refused:
        host.people.update_person("full", Identity(emails=["one@x.com"]))
    assert (refused.value.field, refused.value.limit, refused.value.given) == ("emails", 100, 101)


def test_R16_sign_in_makes_a_customer_unless_kept_as_lead(host: Host) -> None:
    device = host.device()
    host.login(device, "ali", keep_as_lead=True)
    assert host.found("type:lead") == [device]
    assert host.people.personalize(device, Identity(external_id="ali")).outcome == "promoted"
    host.login(device, "ali", keep_as_lead=True)
    assert host.found("type:customer") == [device]


def test_R17_the_answer_tells_all_that_happened(host: Host) -> None:
    device = host.device()
    host.login(host.device("first"), "ali", set_primary=True)
    bob = host.login(device, "bob", set_primary=True)
    answer = host.people.personalize(
        device, Identity(external_id="ali"), force_depersonalize=True, set_primary=True
    )
    assert (answer.outcome, answer.previous_person) == ("rebound", bob)
    moves = {(m.person, m.previous, m.current) for m in answer.primary_moves}
    assert moves == {(bob, device, None), (answer.person, "first", device)}
    with host.store.reading() as reader:
        assert answer.position == reader.events(0, 1000)[-1].position
