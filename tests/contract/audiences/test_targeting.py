"""Whom an audience reaches (R33 to R35)."""

from __future__ import annotations

import random

import pytest

from addressee.application import Identity
from addressee.domain import ExpressionInvalid, InvalidValue, NoRegistration
from addressee.domain.audiences import expression as a
from tests.contract.conftest import Host


def town(host: Host) -> None:
    for n in range(6):
        name = f"d{n}"
        host.device(name, os="Android" if n % 2 else "iOS", language="en")
        host.people.personalize(
            name, Identity(external_id=f"p{n // 2}"), tags={"vip"} if n < 4 else {"new"}
        )
    host.people.set_primary("d1")
    host.people.set_primary("d2")
    host.device("other", "bank", os="iOS")


@pytest.mark.parametrize(
    ("text", "built", "expected"),
    [
        ("all", a.everyone, ["d0", "d1", "d2", "d3", "d4", "d5"]),
        ("tag:vip and not os:ios", a.tag("vip") & ~a.os("ios"), ["d1", "d3"]),
        ("tag:vip && primary", a.tag("vip") & a.primary, ["d1", "d2"]),
        (
            "external_id:p2 || installation:d0",
            a.external_id("p2") | a.installation("d0"),
            ["d0", "d4", "d5"],
        ),
        ("!(os:ANDROID or primary)", ~(a.os("Android") | a.primary), ["d0", "d4"]),
        ("tag:none", a.tag("none"), []),
        ("external_id:nobody and all", a.external_id("nobody") & a.everyone, []),
        (
            "not external_id:nobody and tag:new",
            ~a.external_id("nobody") & a.tag("new"),
            ["d4", "d5"],
        ),
    ],
)
def test_R33_text_and_operators_reach_the_same(
    host: Host, text: str, built: a.Expression, expected: list[str]
) -> None:
    town(host)
    assert host.found(text) == expected
    assert list(host.reach.targets("shop", built)) == expected
    assert host.reach.count("shop", text) == len(expected)
    assert host.reach.preview("shop", built, 3) == expected[:3]


def test_R33_ids_and_tags_mix_without_limit(host: Host) -> None:
    town(host)
    terms = " or ".join([*(f"tag:t{n}" for n in range(2000)), "external_id:p0", "tag:new"])
    assert host.found(terms) == ["d0", "d1", "d4", "d5"]


def test_R34_by_default_live_installations_with_both_flags_on(host: Host) -> None:
    host.people.register("shop", installation="a")
    host.people.register("shop", installation="b", push_enabled=False)
    host.people.register("shop", installation="c", notifications_enabled=False)
    host.device("gone")
    host.people.expire("gone", "unregistered")
    assert host.found("all") == ["a"]
    assert list(host.reach.targets("shop", "all", include_disabled=True)) == ["a", "b", "c"]
    host.people.update_installation("c", notifications_enabled=True)
    assert host.found("not installation:a") == ["c"]


def test_R35_a_stream_is_resumable_behind_any_id(host: Host) -> None:
    town(host)
    host.people.expire("d1", "unregistered")
    assert list(host.reach.targets("shop", "tag:vip", after="d1")) == ["d2", "d3"]
    assert list(host.reach.targets("shop", "tag:vip", after="d3")) == []
    with pytest.raises(NoRegistration):
        host.reach.targets("shop", "all", after="other")


def test_R35_a_stream_goes_on_over_pages(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addressee.application.audiences.paged_audience.PAGE", 2)
    town(host)
    assert host.found("all") == ["d0", "d1", "d2", "d3", "d4", "d5"]
    stream = host.reach.targets("shop", "tag:vip")
    assert [next(stream), next(stream)] == ["d0", "d1"]
    host.people.depersonalize("d2")
    assert list(stream) == ["d3"]


def test_R35_explain_says_for_each_term_whether_and_since_when(host: Host) -> None:
    device = host.device(os="iOS")
    host.login(device, "ali")
    host.clock.move(hours=1)
    host.people.tag(host.history.who(device) or "", add={"vip"})
    tagged = host.clock.now
    host.clock.move(hours=1)
    host.people.set_primary(device)
    told = host.reach.explain(
        "shop", "tag:vip and not os:ios and primary and itag:x", installation=device
    )
    assert (told.reached, told.excluded) == (False, None)
    terms = {t.term: t for t in told.terms}
    assert {name: t.holds for name, t in terms.items()} == {
        "tag:vip": True, "os:ios": True, "primary": True, "itag:x": False,
    }  # fmt: skip
    assert (terms["tag:vip"].at, terms["tag:vip"].event) == (tagged, "addressee.PersonTagged")
    assert terms["itag:x"].at is None
    host.people.depersonalize(device)
    told = host.reach.explain("shop", "tag:vip", installation=device)
    assert (told.terms[0].holds, told.terms[0].event) == (False, "addressee.DeviceDepersonalized")


def test_R35_explain_names_what_excludes(host: Host) -> None:
    device = host.device()
    host.people.update_installation(device, push_enabled=False)
    told = host.reach.explain("shop", "all", installation=device)
    assert (told.reached, told.excluded) == (False, "push_enabled is off")
    assert host.reach.explain("shop", "all", installation=device, include_disabled=True).reached
    host.people.expire(device, "token_rejected")
    told = host.reach.explain("shop", "all", installation=device)
    assert told.excluded == "expired: token_rejected"
    for application, name in (("shop", "nothing"), ("bank", device)):
        with pytest.raises(NoRegistration):
            host.reach.explain(application, "all", installation=name)


def test_R33_R35_questions_that_make_no_sense_are_refused(host: Host) -> None:
    with pytest.raises(ExpressionInvalid, match="column 12"):
        host.reach.count("shop", "tag:vip and")
    with pytest.raises(InvalidValue):
        host.reach.preview("shop", "all", -1)
    assert host.reach.count("nowhere", "all") == 0


def test_R33_an_attribute_that_is_not_indexed_is_refused_not_missed(host: Host) -> None:
    device = host.device()
    for question in ("attr.shoe_size:44", "not iattr.plan:gold"):
        with pytest.raises(InvalidValue, match=r"attr\.plan, iattr\.theme"):
            host.reach.count("shop", question)
        with pytest.raises(InvalidValue, match="not indexed"):
            host.reach.explain("shop", question, installation=device)


def test_R33_names_and_values_are_compared_character_by_character(host: Host) -> None:
    names = ["phone", "Phone", "phone ", "phône", "\N{GRINNING FACE}"]
    for number, name in enumerate(names):
        device = host.device(f"device{number}")
        host.people.personalize(device, Identity(external_id=name), tags={name})
    for number, name in enumerate(names):
        assert host.found(f'tag:"{name}"') == [f"device{number}"]
        assert host.found(f'external_id:"{name}"') == [f"device{number}"]
    assert host.device("device0") != host.device("Device0")
    assert host.found("installation:DEVICE0") == []


def test_R33_values_as_long_as_allowed_are_told_apart(host: Host) -> None:
    chance = random.Random(4)  # noqa: S311 # text that no database can squeeze
    long = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=4095))
    for last in "ab":
        device = host.device(last)
        identity = Identity(external_id=last)
        host.people.personalize(device, identity, attributes={"plan": long + last})
    assert host.found(f'attr.plan:"{long}a"') == ["a"]
    assert host.found(f'attr.plan:"{long}b"') == ["b"]


def test_R33_the_rarest_conjunct_is_asked_first_and_only_where_there_are_any(host: Host) -> None:
    town(host)
    host.people.define_segment("shop", "english", "language:en and tag:vip")
    plan = host.reach.plan("shop", "segment:english and not (os:ios or tag:new) and primary")
    assert [(s.expression, s.takes_away, s.postings) for s in plan.steps] == [
        ("primary", False, 2),
        ("tag:vip", False, 4),
        ("reachable", False, 6),
        ("language:en", False, 6),
        ("not os:ios", True, 3),
        ("not tag:new", True, 2),
    ]
    assert (plan.shards, plan.of) == ((0,), 1)
    nowhere = host.reach.plan("shop", "tag:none and primary")
    assert (nowhere.shards, nowhere.steps[0].postings) == ((), 0)
    assert host.reach.plan("shop", "all", include_disabled=True).steps[0].expression == "all"


def test_R35_explain_says_that_an_expired_installation_is_no_longer_named(host: Host) -> None:
    device = host.device()
    host.clock.move(hours=1)
    host.people.expire(device, "unregistered")
    told = host.reach.explain("shop", f"installation:{device}", installation=device)
    [term] = told.terms
    assert (told.reached, term.holds, term.event) == (False, False, "addressee.InstallationExpired")
    assert term.at == host.clock.now
