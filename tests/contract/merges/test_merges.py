"""What is seen while persons are merged, and after a merge was taken back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from addressee.application import Identity, Personalization, Profiles, Rights, verify
from addressee.application.ports.store import AuditableStore
from addressee.domain import (
    DeviceDepersonalized,
    DevicePersonalized,
    LimitExceeded,
    Limits,
    MergeOutdated,
    MergeRefused,
    PersonUpdated,
    UnknownMerge,
)

from ..conftest import Host
from ..rights.archive import Archive


def check(host: Host) -> None:
    if isinstance(host.store, AuditableStore):
        assert verify(host.store).differences == ()


def two_persons(host: Host) -> tuple[str, str]:
    """Return Ali, with a primary phone, and a lead with a primary tablet."""
    phone, tablet = host.device("phone", push_token="p"), host.device("tablet", push_token="t")
    ali = host.login(phone, "ali", set_primary=True)
    host.people.personalize(phone, Identity(external_id="ali"), {"plan": "gold"}, tags={"vip"})
    lead = host.people.personalize(
        tablet,
        Identity(emails=["ali@x.com"]),
        {"plan": "free", "city": "Rome"},
        tags={"new"},
        set_primary=True,
    ).person
    return ali, lead


def test_R52_both_are_seen_as_the_survivor(host: Host) -> None:
    ali, lead = two_persons(host)
    before = host.store.settled()
    preview = host.people.preview_merge(ali, lead)
    assert preview.conflicts == {"plan": ("gold", "free")}
    merge = host.people.merge(ali, lead, digest=preview.digest)
    check(host)
    profiles = Profiles(host.store)
    for name in (ali, lead):
        seen = profiles.person(name)
        assert preview.after == (seen,)
        assert (seen.name, seen.merged) == (ali, (lead,))
        assert seen.attributes == {"plan": "gold", "city": "Rome"}
        assert seen.tags == {"vip", "new"}
        assert seen.primaries == {"shop": "phone"}
        assert host.history.devices(name) == ["phone", "tablet"]
    assert host.found("tag:vip") == host.found("email:ali@x.com") == ["phone", "tablet"]
    assert host.found('external_id:"ali" and tag:new') == ["phone", "tablet"]
    assert host.found("primary") == ["phone"]
    assert host.history.who("tablet") == ali
    assert profiles.of("tablet").devices[0].name == "phone"
    explained = host.reach.explain("shop", "tag:vip", installation="tablet")
    assert explained.reached
    assert explained.terms[0].event == "addressee.PersonsMerged"
    then = host.reach.as_of(before)
    assert list(then.targets("shop", "tag:vip")) == ["phone"]
    assert list(then.targets("shop", "email:ali@x.com")) == ["tablet"]

    undone = host.people.preview_unmerge(merge.merge)
    host.people.unmerge(merge.merge, digest=undone.digest)
    check(host)
    assert undone.after == (profiles.person(ali), profiles.person(lead)) == preview.before
    assert host.found("tag:vip") == ["phone"]
    assert host.found("primary") == ["phone", "tablet"]
    assert host.found("email:ali@x.com") == ["tablet"]
    assert host.history.who("tablet") == lead
    then = host.reach.as_of(merge.position)
    assert list(then.targets("shop", "tag:vip")) == ["phone", "tablet"]
    assert [each.person for each in then.recipients("shop", "all")] == [ali, ali]
    for name in ("phone", "tablet"):
        recorded = [type(event) for _, event in host.history.installation(name)]
        assert recorded.count(DevicePersonalized) == 1
        assert DeviceDepersonalized not in recorded
    with pytest.raises(UnknownMerge):
        host.people.unmerge(merge.merge)


def test_R52_what_came_later_goes_to_whom_it_came_through(host: Host) -> None:
    ali, lead = two_persons(host)
    digest = host.people.preview_merge(ali, lead).digest
    merge = host.people.merge(ali, lead, digest=digest).merge
    for name in ("watch", "car"):
        host.device(name)
    later = Identity(emails=["ali@x.com"], msisdns=["385991111666"])
    answer = host.people.personalize("watch", later, {"plan": "silver"}, tags={"vip", "late"})
    assert answer.person == ali
    host.login("car", "ali")
    host.people.tag(ali, add={"mine"})
    check(host)
    seen = Profiles(host.store).person(lead)
    assert seen.attributes["plan"] == "silver"
    assert seen.tags == {"vip", "late", "mine"}
    assert set(seen.devices) == {"phone", "tablet", "watch", "car"}
    moved = host.people.set_primary("watch").primary_moves
    assert [(m.person, m.previous, m.current) for m in moved] == [(ali, "phone", "watch")]
    assert host.found("primary") == ["watch"]
    kept = host.people.preview_unmerge(merge).kept
    assert kept == ("attributes.plan", "installations.car", "tags.mine")
    host.people.unmerge(merge)
    check(host)
    one, two = (Profiles(host.store).person(name) for name in (ali, lead))
    assert set(one.devices) == {"phone", "car"}
    assert set(two.devices) == {"tablet", "watch"}
    assert two.values("msisdn") == ["385991111666"]
    assert two.primaries == {"shop": "watch"}
    assert one.tags == {"vip", "mine"}
    assert two.tags == {"vip", "late"}


def test_R52_what_comes_through_one_is_not_on_the_streams_of_those_it_hides(host: Host) -> None:
    ali, lead = two_persons(host)
    host.device("watch")
    identity = Identity(emails=["watch@x.com"])
    other = host.people.personalize("watch", identity, {"plan": "none", "city": "Bari"}).person
    persons, profiles = (ali, lead, other), Profiles(host.store)

    def merge(one: str, two: str) -> str:
        return host.people.merge(one, two, digest=host.people.preview_merge(one, two).digest).merge

    links = [merge(lead, other), merge(ali, lead)]
    for device, attributes in (
        ("phone", {"plan": "private"}),
        ("tablet", {"plan": "shared", "city": "Oslo"}),
        ("phone", {"city": None}),
    ):
        host.people.update_person(device, attributes=attributes)
        seen = profiles.person(ali).attributes
        assert {name: seen.get(name) for name in attributes} == attributes
        check(host)
    for link in links:
        host.people.unmerge(link)
    check(host)
    assert [profiles.person(name).attributes for name in persons] == [
        {"plan": "shared"},
        {"plan": "shared"},
        {"plan": "none"},
    ]
    written = [
        [event.attributes for _, event in host.history.person(name) if type(event) is PersonUpdated]
        for name in persons
    ]
    assert written == [
        [{"plan": "gold"}, {"plan": "private"}, {"plan": "shared"}],
        [{"plan": "free", "city": "Rome"}, {"plan": "shared", "city": "Oslo"}, {"city": None}],
        [{"plan": "none", "city": "Bari"}, {"city": None}],
    ]


def test_R52_chains_are_cut_anywhere(host: Host) -> None:
    for name in ("a", "b", "c"):
        host.device(name)
    a = host.login("a", "a", set_primary=True)
    b, c = (
        host.people.personalize(
            n, Identity(emails=[f"{n}@x.com"]), tags={n}, set_primary=True
        ).person
        for n in ("b", "c")
    )

    def merge(one: str, other: str) -> str:
        digest = host.people.preview_merge(one, other).digest
        return host.people.merge(one, other, digest=digest).merge

    profiles = Profiles(host.store)
    alone = [profiles.person(name) for name in (a, b, c)]
    for first in (0, 1):
        links = [merge(b, c), merge(a, b)]
        assert {host.history.who(name) for name in ("a", "b", "c")} == {a}
        assert host.found("tag:c") == ["a", "b", "c"]
        for one, other in ((a, c), (c, a), (b, c)):
            with pytest.raises(MergeRefused):
                host.people.preview_merge(one, other)
        check(host)
        host.people.unmerge(links[first])
        check(host)
        assert host.found("tag:c") == (["c"] if first == 0 else ["b", "c"])
        host.people.unmerge(links[1 - first])
        check(host)
        assert [profiles.person(name) for name in (a, b, c)] == alone
        assert host.found("primary") == ["a", "b", "c"]


def test_R52_refused_unless_forced_and_after_a_change(host: Host) -> None:
    ali, lead = two_persons(host)
    host.device("other")
    bea = host.login("other", "bea")
    preview = host.people.preview_merge(ali, bea)
    assert preview.refusal == "external_ids"
    with pytest.raises(MergeRefused):
        host.people.merge(ali, bea, digest=preview.digest)
    host.people.tag(bea, add={"moved"})
    with pytest.raises(MergeOutdated):
        host.people.merge(ali, bea, digest=preview.digest, force="one human")
    digest = host.people.preview_merge(ali, bea).digest
    host.people.merge(ali, bea, digest=digest, force="one human")
    assert Profiles(host.store).person(bea).values("external_id") == ["ali", "bea"]
    with pytest.raises(MergeRefused, match="already"):
        host.people.preview_merge(bea, ali)
    check(host)
    assert lead


def test_R57_tags_times_the_devices_of_all_merged_persons_are_bounded(host: Host) -> None:
    ali, lead = two_persons(host)
    host.people.merge(ali, lead, digest=host.people.preview_merge(ali, lead).digest)
    narrow = Limits(tagging=5)
    people = Personalization(
        host.store, clock=host.clock, limits={"shop": narrow, "mall": Limits()}
    )
    tags = ["t1", "t2", "t3"]
    again = Identity(external_id="ali")
    attempts: list[tuple[int, Callable[[], object]]] = [
        *((6, partial(people.tag, name, add=tags)) for name in (ali, lead)),
        (6, partial(people.tag, lead, remove=["vip", "new"], add=["t1"])),
        (6, partial(people.update_person, "tablet", tags=["t1"])),
        (8, partial(people.personalize, "tablet", again, tags=[*tags, "vip"])),
    ]
    before = host.store.settled()
    for given, attempt in attempts:
        with pytest.raises(LimitExceeded) as refused:
            attempt()
        error = refused.value
        assert (error.field, error.limit, error.given) == ("tagging", narrow.tagging, given)
    assert host.store.settled() == before
    for name in (ali, lead):
        people.tag(name, add=["vip", "new", f"of {name}"])
    assert host.found(f'tag:"of {ali}" and tag:"of {lead}"') == ["phone", "tablet"]
    host.device("till", "mall")
    host.people.personalize("till", Identity(emails=["ali@x.com"]))
    people.tag(ali, add=tags)  # the mall, which knows the lead, allows more
    check(host)


def test_R52_an_export_has_both_and_when_they_were_one(host: Host) -> None:
    ali, lead = two_persons(host)
    digest = host.people.preview_merge(ali, lead).digest
    merge = host.people.merge(ali, lead, digest=digest).merge
    held = Archive(Rights(host.store, host.people).of(lead)).person
    assert (held["person"], held["attributes"]) == (ali, {"city": "Rome", "plan": "gold"})
    assert [each["value"] for each in held["identifiers"]] == ["ali", "ali@x.com"]
    assert [each["installation"] for each in held["sign_ins"]] == ["phone", "tablet"]
    assert [(each["persons"], each["until"]) for each in held["merges"]] == [([ali, lead], None)]
    host.people.unmerge(merge)
    archive = Archive(Rights(host.store, host.people).of(ali))
    assert [each["value"] for each in archive.person["identifiers"]] == ["ali"]
    assert archive.person["merges"][0]["persons"] == [ali]
    assert archive.holding(lead) == set()
