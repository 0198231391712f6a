"""What is kept, found and refused of the values that callers give, on every store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

import phonenumbers
import pytest

from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.serialization.json_commands import call_of
from addressee.application import (
    AuditableStore,
    Identity,
    Personalization,
    Profiles,
    SealedStore,
    export_ledger,
    import_ledger,
    verify,
)
from addressee.application.commands import DefineSegment
from addressee.domain import (
    Attributes,
    LimitExceeded,
    Limits,
    MobileApp,
    PersonUpdated,
    PhoneInvalid,
    Scalar,
    UserIdentityInvalid,
    limits,
)
from tests.contract.conftest import INDEXED, Host

CART: list[dict[str, Scalar]] = [
    {"product": "shoes", "price": 12.5, "gift": True, "size": 42, "on": "2026-01-02"}
]


def audited(host: Host) -> AuditableStore:
    assert isinstance(host.store, AuditableStore)
    return host.store


def as_lists(attributes: Mapping[str, object]) -> object:
    """Return attributes with plain lists and objects, as JSON has them."""
    return {
        name: [dict(item) for item in value] if isinstance(value, tuple) else value
        for name, value in attributes.items()
    }


def test_R46_lists_of_objects_are_kept_returned_and_not_indexed(host: Host) -> None:
    given: Attributes = {"plan": CART, "cart": CART, "n": 1}
    host.device("phone")
    host.people.update_installation("phone", attributes={"theme": CART})
    host.people.personalize("phone", Identity(external_id="ali"), attributes=given)
    profile = Profiles(host.store, host.people).of("phone")
    assert profile.person is not None
    for profiles in (Profiles(host.store, host.people), Profiles(host.store)):
        person = profiles.of("phone").person
        assert person is not None
        assert as_lists(person.attributes) == given
        device = profiles.of("phone").installation
        assert as_lists(device.attributes) == {"theme": CART}
    assert host.found("attr.plan:shoes or iattr.theme:shoes") == []
    again = host.people.update_person("phone", attributes={"cart": CART})
    assert again.outcome == "unchanged"
    host.people.update_person("phone", attributes={"cart": [{**CART[0], "gift": 1}], "plan": "x"})
    [*_, (_, last)] = host.history.person(profile.person.name)
    assert isinstance(last, PersonUpdated)
    assert as_lists(last.attributes) == {"cart": [{**CART[0], "gift": 1}], "plan": "x"}
    assert host.found("attr.plan:x") == ["phone"]
    assert verify(audited(host)).differences == ()


def test_R46_lists_come_through_commands_export_and_import(host: Host, tmp_path: Path) -> None:
    host.device("phone")
    line = {
        "command": "personalize",
        "installation": "phone",
        "identity": {"external_id": "ali"},
        "attributes": {"cart": CART},
    }
    call_of(line)[1](host.people)
    for suffix in (".jsonl", ".parquet"):
        file = tmp_path / f"ledger{suffix}"
        export_ledger(audited(host), lambda h: opened_sink(file, h), with_key=True)  # noqa: B023 # called at once
        keys = host.store.keys if isinstance(host.store, SealedStore) else None
        copy = MemoryStore(indexed_attributes=INDEXED, keys=keys)
        with opened_source(file) as source:
            import_ledger(copy, source)
        person = Profiles(copy).of("phone").person
        assert person is not None
        assert as_lists(person.attributes) == {"cart": CART}


def test_D11_D13_booleans_and_numbers_are_found_as_they_were_given(host: Host) -> None:
    host.device("phone")
    host.login("phone", "ali")
    found: dict[object, list[str]] = {}
    for value, text in ((1, "1"), (True, "true"), (1.0, "1.0"), (1, "1"), (False, "false")):
        assert host.people.update_person("phone", attributes={"plan": value}).outcome == "updated"
        found = {t: host.found(f"attr.plan:{t}") for t in ("1", "true", "1.0", "false")}
        assert found == {key: ["phone"] if key == text else [] for key in found}
    host.people.update_installation("phone", attributes={"theme": True})
    assert host.found("iattr.theme:true") == ["phone"]


def test_R45_tags_segments_and_attributes_are_found_in_any_unicode_form(host: Host) -> None:
    apart, together = "cafe\u0301", "caf\xe9"
    host.device("phone")
    host.people.personalize("phone", Identity(external_id="ali"), {"plan": apart}, tags={apart})
    host.people.tag_installation("phone", add=[apart])
    host.people.define_segment("shop", apart, f"tag:{together}")
    for field in ("tag", "itag", "attr.plan", "segment"):
        for form in (apart, together):
            assert host.found(f"{field}:{form}") == ["phone"], field
    person = Profiles(host.store).of("phone").person
    assert person is not None
    assert (person.tags, person.attributes) == ({apart}, {"plan": apart}), "kept as given"
    host.people.tag(person.name, add=[together])
    host.people.tag(person.name, remove=[apart])
    assert host.found(f"tag:{apart}") == ["phone"], "one of the two forms is left"
    host.people.tag(person.name, remove=[together])
    assert host.found(f"tag:{apart}") == []
    host.people.define_segment("shop", together, "all")
    assert [*host.reach.segments("shop")] == [together]
    host.people.remove_segment("shop", apart)
    assert host.reach.segments("shop") == {}
    host.people.run(DefineSegment("shop", apart, "all"), {})  # as an earlier release named it
    assert host.found(f"segment:{together}") == ["phone"]
    assert verify(audited(host)).differences == ()


def test_R45_an_explanation_shows_the_code_points_of_what_only_looks_the_same(host: Host) -> None:
    host.device("phone")
    host.people.personalize("phone", Identity(external_id="e\u0301"), tags={"VIP"})
    asked = 'external_id:"\xe9" or tag:vip or tag:other or external_id:"e\u0301"'
    explained = host.reach.explain("shop", asked, installation="phone")
    assert {term.term: term.look_alike for term in explained.terms} == {
        "external_id:\xe9": "U+0065 U+0301, not U+00E9",
        "tag:vip": "U+0056 U+0049 U+0050, not U+0076 U+0069 U+0070",
        "tag:other": None,
        "external_id:e\u0301": None,
    }


@pytest.mark.parametrize("none", ["undefined", "[object Object]", "GUEST", " ", "\u200b"])
def test_R44_nobody_signs_in_as_nobody(host: Host, none: str) -> None:
    host.device("phone")
    for attempt in (
        lambda: host.people.personalize("phone", Identity(external_id=none)),
        lambda: host.people.update_person("phone", Identity(external_id=none)),
    ):
        with pytest.raises(UserIdentityInvalid) as refused:
            attempt()
        assert refused.value.field == "external_id"
    assert host.topics("phone") == ["InstallationRegistered"]


def test_R44_an_application_has_a_list_of_its_own(host: Host) -> None:
    own = MobileApp(code="bank", none_ids=("Nobody",))  # pyright: ignore[reportArgumentType]
    people = Personalization(host.store, clock=host.clock, limits={"bank": own.limits})
    host.device("phone")
    host.device("till", application="bank")
    people.personalize("till", Identity(external_id="guest"))
    for device, none in (("till", "NOBODY"), ("till", " "), ("phone", "guest")):
        with pytest.raises(UserIdentityInvalid):
            people.personalize(device, Identity(external_id=none), force_depersonalize=True)
    people.personalize("phone", Identity(external_id="nobody"))
    host.store.applications.put(
        MobileApp.of("kiosk", {"none_ids": ["Walk-In"], "tag_limit": 1_001})
    )
    served = Personalization(host.store, clock=host.clock)
    served.register("kiosk", installation="stand")
    with pytest.raises(UserIdentityInvalid):
        served.personalize("stand", Identity(external_id="walk-in"))
    guest = served.personalize("stand", Identity(external_id="guest")).person
    served.tag(guest, add=[f"t{n}" for n in range(1_001)])


def test_R44_what_was_stored_before_the_rule_is_searched_and_removed(host: Host) -> None:
    host.device("phone")
    anything = Personalization(
        host.store, clock=host.clock, limits={"shop": Limits(none_ids=frozenset())}
    )
    anything.personalize("phone", Identity(external_id="undefined", emails=["a@x.com"]))
    assert host.found("external_id:undefined") == ["phone"]
    assert len(host.history.identifier("external_id", "undefined")) == 1
    host.people.update_person("phone", remove=Identity(external_id="undefined"))
    assert host.found("external_id:undefined") == []


def test_R45_numbers_that_metadata_forgot_stay_valid(host: Host) -> None:
    old = "22507123456"
    host.device("phone")
    with pytest.raises(PhoneInvalid, match=r"msisdns\[0\] is not a possible number"):
        host.people.personalize("phone", Identity(external_id="kof", msisdns=[old]))
    possible = phonenumbers.ValidationResult.IS_POSSIBLE
    judge = "is_possible_number_with_reason"
    with mock.patch.object(phonenumbers, judge, return_value=possible):
        host.people.personalize("phone", Identity(external_id="kof", msisdns=[old]))
        host.people.define_segment("shop", "old", f"msisdn:{old}")
    assert host.found(f"msisdn:{old}") == host.found("segment:old or tag:vip") == ["phone"]
    assert host.reach.explain("shop", "segment:old", installation="phone").reached
    assert len(host.history.identifier("msisdn", old)) == 1
    host.people.define_segment("shop", "new", "segment:old and all")
    assert host.people.personalize("phone", Identity(msisdns=[old])).outcome == "unchanged"
    assert host.people.update_person("phone", Identity(msisdns=[old])).outcome == "unchanged"
    host.people.update_person("phone", remove=Identity(msisdns=[old]))
    assert host.found(f"msisdn:{old}") == []
    with pytest.raises(PhoneInvalid, match=r"msisdns\[0\] is not a possible number"):
        host.people.update_person("phone", Identity(msisdns=[old]))


def test_R57_attributes_and_tags_have_limits_that_an_application_raises(host: Host) -> None:
    most = limits.DEFAULT
    raised = Limits(attributes=most.attributes + 1, tags=most.tags + 1)
    people = Personalization(host.store, clock=host.clock, limits={"bank": raised})
    for name, application in (("phone", "shop"), ("till", "bank")):
        host.device(name, application=application)
        person = host.login(name, name)
        extra = application == "bank"
        many = {f"a{n}": n for n in range(most.attributes + extra)}
        tags = [f"t{n}" for n in range(most.tags + extra)]
        people.update_installation(name, attributes=many)
        people.update_person(name, attributes=many)
        people.tag(person, add=tags)
        people.tag_installation(name, add=tags)
        attempts: tuple[tuple[Callable[[], object], str], ...] = (
            (lambda: people.update_installation(name, attributes={"x": 1}), "attributes"),  # noqa: B023 # called at once
            (lambda: people.update_person(name, attributes={"x": 1}), "attributes"),  # noqa: B023 # likewise
            (lambda: people.tag(person, add=["x"]), "tags"),  # noqa: B023 # likewise
            (lambda: people.tag_installation(name, add=["x"]), "tags"),  # noqa: B023 # likewise
        )
        for attempt, field in attempts:
            with pytest.raises(LimitExceeded) as refused:
                attempt()
            error = refused.value
            assert (error.field, error.given) == (field, error.limit + 1)
        assert people.update_person(name, attributes={"x": 1, "a0": None}).outcome == "updated"
        assert people.tag(person, add=["x"], remove=["t0"]).outcome == "updated"


def test_R57_what_was_larger_before_a_limit_may_shrink(host: Host) -> None:
    host.device("phone")
    person = host.login("phone", "ali")
    wide = Limits(attributes=10_000, tags=10_000, tagging=10**9)
    generous = Personalization(host.store, clock=host.clock, limits={"shop": wide})
    generous.tag(person, add=[f"t{n}" for n in range(1_500)])
    generous.update_person("phone", attributes={f"a{n}": n for n in range(300)})
    host.people.tag(person, remove=["t1"])
    host.people.update_person("phone", attributes={"a1": None, "a2": "other"})
    host.people.depersonalize("phone")
    host.login("phone", "ali")


def test_R57_tags_times_devices_are_bounded(host: Host) -> None:
    bounded = {"shop": Limits(tagging=2_000)}
    people = Personalization(host.store, clock=host.clock, limits=bounded)
    for n in range(21):
        host.device(f"d{n}")
        host.login(f"d{n}", "ali")
    person = host.login("d0", "ali")
    tags = [f"t{n}" for n in range(100)]
    with pytest.raises(LimitExceeded) as refused:
        people.personalize("d0", Identity(external_id="ali"), tags=tags)
    assert refused.value.field == "tagging"
    assert (refused.value.limit, refused.value.given) == (2_000, 2_100)
    people.tag(person, add=tags[:95])
    people.tag(person, replace=[])
