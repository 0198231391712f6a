"""What is known of persons, and tags (R27, R28)."""

from __future__ import annotations

import pytest

from addressee.application import Identity
from addressee.domain import LimitExceeded, NoRegistration, UnknownPerson, UserMergeInterrupted
from tests.contract.conftest import Host


def test_R27_on_an_anonymous_installation_it_makes_an_unidentified_lead(host: Host) -> None:
    device = host.device()
    assert host.people.update_person(device).person is None
    lead = host.people.update_person(device, attributes={"plan": "gold"})
    assert host.history.who(device) == lead.person
    assert host.found("attr.plan:gold and type:lead") == [device]


def test_R27_another_persons_identifier_interrupts_and_changes_nothing(host: Host) -> None:
    host.people.personalize(host.device("a"), Identity(emails=["a@x.com"]))
    device = host.device("b")
    for identity in (Identity(emails=["new@x.com", "a@x.com"]),):
        with pytest.raises(UserMergeInterrupted) as refused:
            host.people.update_person(device, identity, attributes={"plan": "gold"})
        assert refused.value.field == "emails[1]"
    assert host.history.who(device) is None
    assert host.found("attr.plan:gold") == []
    assert host.history.identifier("email", "new@x.com") == ()


def test_R5_R27_a_number_changes_its_owner_and_both_times_are_known(host: Host) -> None:
    ali = host.people.personalize(host.device("a"), Identity(msisdns=["385991111666"])).person
    host.clock.move(days=200)
    host.people.update_person("a", remove=Identity(msisdns=["+385 99 1111 666"]))
    assert host.found("msisdn:385991111666") == []
    host.clock.move(days=30)
    bob = host.people.personalize(host.device("b"), Identity(msisdns=["385991111666"])).person
    held = [e for _, e in host.history.identifier("msisdn", "+385991111666")]
    assert [(type(e).__name__, getattr(e, "person", "")) for e in held] == [
        ("IdentifierClaimed", ali),
        ("IdentifierReleased", ali),
        ("IdentifierClaimed", bob),
    ]
    assert [e.timestamp.month for e in held] == [11, 6, 7]
    assert host.found("msisdn:385991111666") == ["b"]


def test_R27_a_kind_can_be_cleared_and_an_external_id_replaced(host: Host) -> None:
    device = host.device()
    host.people.personalize(device, Identity(external_id="a", emails=["a@x.com", "b@x.com"]))
    with pytest.raises(UserMergeInterrupted):
        host.people.update_person(device, Identity(external_id="b"))
    host.people.update_person(device, Identity(external_id="b"), clear=["external_id", "email"])
    assert host.found("external_id:a or email:a@x.com or email:b@x.com") == []
    assert host.found("external_id:b") == [device]


def test_R28_tags_of_persons_and_installations_are_kept_apart(host: Host) -> None:
    ali = host.login(host.device("a"), "ali")
    host.login(host.device("b"), "ali")
    host.people.tag(ali, add={"vip", "new"})
    host.people.tag_installation("a", add={"vip"})
    assert (host.found("tag:vip"), host.found("itag:vip")) == (["a", "b"], ["a"])
    host.people.tag(ali, add={"old"}, remove={"vip", "never"})
    assert host.found("tag:vip") == []
    assert host.people.tag(ali, add={"old"}).outcome == "unchanged"
    host.people.tag(ali, replace={"only"})
    host.people.tag_installation("a", replace=())
    assert host.found("tag:only and not (tag:old or tag:new or itag:vip)") == ["a", "b"]


def test_R4_R28_tag_names_have_limits(host: Host) -> None:
    ali = host.login(host.device(), "ali")
    for wrong in ("", "x" * 257):
        with pytest.raises(LimitExceeded) as refused:
            host.people.tag(ali, add=["fine", wrong])
        assert (refused.value.field, refused.value.limit) == ("add[1]", 256)
    assert host.found("tag:fine") == []
    with pytest.raises(UnknownPerson):
        host.people.tag("nobody", add={"x"})
    with pytest.raises(NoRegistration):
        host.people.tag_installation("nothing", add={"x"})
