"""Signing out, the primary flag, sessions (R18 to R26)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from addressee.application import AuditableStore, Identity, Personalization, SessionPolicy, verify
from addressee.domain import (
    Forbidden,
    InvalidValue,
    NotPersonalized,
    OtherPerson,
    PrimaryChanged,
    UnknownPerson,
    UserMergeInterrupted,
)
from tests.contract.conftest import Host


def test_R18_signing_out_twice_records_once(host: Host) -> None:
    device = host.device()
    ali = host.login(device, "ali")
    first = host.people.depersonalize(device)
    topics = host.topics(device)
    again = host.people.depersonalize(device)
    assert (first.outcome, first.person) == ("depersonalized", ali)
    assert (again.outcome, again.person) == ("unchanged", None)
    assert 0 < again.position <= first.position
    assert host.topics(device) == topics
    assert getattr(host.history.installation(device)[-1].event, "reason", None) == "logout"


def test_R19_after_signing_out_no_audience_of_the_person_finds_the_device(host: Host) -> None:
    device = host.device()
    host.people.personalize(
        device,
        Identity(external_id="ali", emails=["a@x.com"], msisdns=["385991111666"]),
        {"plan": "gold"},
        {"vip"},
        set_primary=True,
    )
    built_on_ali = (
        "external_id:ali", "email:a@x.com", "msisdn:385991111666", "attr.plan:gold",
        "tag:vip", "primary", "type:customer",
    )  # fmt: skip
    assert all(host.found(audience) == [device] for audience in built_on_ali)
    host.people.depersonalize(device)
    assert all(host.found(audience) == [] for audience in built_on_ali)
    assert host.found("all") == [device]


def test_R20_what_was_told_of_the_device_leaves_with_the_person(host: Host) -> None:
    device = host.device(os="Android", push_token="t")
    ali = host.login(device, "ali")
    host.people.tag_installation(device, add={"beta"})
    host.people.update_installation(device, attributes={"theme": "dark"}, push_enabled=False)
    host.people.depersonalize(device)
    assert host.reach.count("shop", "itag:beta or iattr.theme:dark", include_disabled=True) == 0
    assert host.reach.count("shop", "os:android", include_disabled=True) == 1
    assert host.found("all") == []
    assert host.login(host.device("other"), "ali") == ali


def test_R21_only_the_same_persons_installation_may_act_on_another(host: Host) -> None:
    for name, person in (("a", "ali"), ("b", "ali"), ("c", "bob")):
        host.login(host.device(name), person)
    host.device("nobody")
    for by in ("c", "nobody"):
        with pytest.raises(Forbidden):
            host.people.depersonalize("b", by=by)
        with pytest.raises(Forbidden):
            host.people.set_primary("b", by=by)
    host.people.set_primary("b", by="a")
    host.people.depersonalize("b", by="a")
    event = host.history.installation("b")[-1].event
    assert (getattr(event, "reason", None), event.actor) == ("remote", "device:a")
    assert host.found("external_id:ali") == ["a"]


def test_R22_log_out_everywhere(host: Host) -> None:
    ali = host.login(host.device("a"), "ali")
    host.login(host.device("b", "bank"), "ali", set_primary=True)
    answer = host.people.depersonalize_all(ali)
    assert set(answer.installations) == {"a", "b"}
    assert host.history.devices(ali) == []
    assert host.people.depersonalize_all(ali).outcome == "unchanged"
    with pytest.raises(UnknownPerson):
        host.people.depersonalize_all("nobody")


def test_R23_one_primary_a_person_and_application(host: Host) -> None:
    for name, application in (("a", "shop"), ("b", "shop"), ("c", "bank")):
        host.login(host.device(name, application), "ali")
        host.people.set_primary(name)
    assert host.found("primary") == ["b"]
    assert host.found("primary", "bank") == ["c"]
    ali = host.history.who("a") or ""
    moves = [e for _, e in host.history.person(ali) if isinstance(e, PrimaryChanged)]
    assert [(e.previous, e.current) for e in moves] == [(None, "a"), ("a", "b"), (None, "c")]
    assert host.people.set_primary("b").outcome == "unchanged"
    host.people.set_primary("b", primary=False)
    assert host.found("primary") == []


def test_R23_a_flag_moves_only_for_the_person_who_is_meant(host: Host) -> None:
    ali, same = (host.login(host.device(name), "ali") for name in ("a", "b"))
    assert ali == same
    host.people.set_primary("a", of="ali")
    bea = host.login(host.device("c"), "bea")
    host.device("nobody's")
    for name, of in (("b", "bea"), ("b", bea), ("nobody's", "ali")):
        with pytest.raises(OtherPerson):
            host.people.set_primary(name, of=of)
        with pytest.raises(OtherPerson):
            host.people.set_primary(name, primary=False, of=of)
    assert host.found("primary") == ["a"]
    host.people.set_primary("b", of=ali)
    assert host.found("primary") == ["b"]


def test_R24_leaving_clears_the_flag_and_nobody_inherits(host: Host) -> None:
    for name in ("a", "b"):
        host.login(host.device(name), "ali")
    host.people.set_primary("a")
    host.people.depersonalize("a")
    assert host.found("primary") == []
    assert host.topics("a")[-2:] == ["PrimaryChanged", "DeviceDepersonalized"]


def test_R24_the_most_recent_inherits_where_the_policy_says_so(host: Host) -> None:
    people = Personalization(host.store, successor="most_recent")
    for name in ("a", "b", "c"):
        host.login(host.device(name), "ali")
    host.login(host.device("elsewhere", "bank"), "ali")
    people.set_primary("a")
    people.depersonalize("a")
    assert host.found("primary") == ["c"]


def test_R25_an_anonymous_installation_can_t_be_primary(host: Host) -> None:
    device = host.device()
    with pytest.raises(NotPersonalized):
        host.people.set_primary(device)
    assert host.people.set_primary(device, ignore_anonymous=True).outcome == "unchanged"


def sessions(host: Host) -> Personalization:
    policies = {"shop": SessionPolicy(timedelta(minutes=30))}
    return Personalization(host.store, clock=host.clock, sessions=policies)


def test_R26_idle_sessions_end_and_touched_ones_do_not(host: Host) -> None:
    people = sessions(host)
    for name in ("a", "b", "c"):
        host.login(host.device(name), name)
    host.login(host.device("kept", "bank"), "ali")
    length = len(host.topics("b"))
    host.clock.move(minutes=20)
    people.touch("b")
    host.login("c", "c")
    assert len(host.topics("b")) == length, "a touch does not grow the ledger"
    assert people.expire_sessions(host.clock.move(minutes=15)) != []
    assert [host.history.who(name) is None for name in ("a", "b", "c")] == [True, False, False]
    event = host.history.installation("a")[-1].event
    assert (getattr(event, "reason", None), event.actor) == ("session_expired", "policy:session")
    assert {*people.expire_sessions(host.clock.move(minutes=15))[0].installations} <= {"b", "c"}
    assert people.expire_sessions(host.clock.move(days=400)) == []
    assert host.history.who("kept") is not None


def test_R26_sessions_that_were_touched_are_looked_at_once(host: Host) -> None:
    people = sessions(host)
    for name in ("a", "b", "c"):
        host.login(host.device(name), name)
    host.clock.move(minutes=20)
    people.touch("a")
    people.touch("b")
    before = host.clock.move(minutes=15) - timedelta(minutes=30)
    assert [each.installations for each in people.expire_sessions()] == [("c",)]
    with host.store.writing() as transaction:
        assert transaction.skip_touched("shop", before, 10) == 0, "it was done"
        assert transaction.idle("shop", before, 10) == []
    people.touch("a")
    assert [each.installations for each in people.expire_sessions(host.clock.move(minutes=16))] == [
        ("b",)
    ]
    if isinstance(host.store, AuditableStore):
        assert verify(host.store).differences == ()
    assert [each.installations for each in people.expire_sessions(host.clock.move(minutes=15))] == [
        ("a",)
    ]


def test_R26_eight_schedulers_end_each_session_once(host: Host, *, long: bool) -> None:
    names = [host.device(f"d{n}") for n in range(24 if long else 10)]
    for name in names:
        host.login(name, name)
    late = host.clock.move(hours=1)
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda _: sessions(host).expire_sessions(late), range(8))
        ended = [name for answer in answers for a in answer for name in a.installations]
    assert sorted(ended) == sorted(names)
    assert all(host.topics(name).count("DeviceDepersonalized") == 1 for name in names)


def test_R26_a_policy_must_make_sense() -> None:
    with pytest.raises(InvalidValue):
        SessionPolicy(timedelta(0))


@pytest.mark.parametrize("named_by", ["external id", "person id"])
def test_R43_a_late_logout_does_not_log_out_the_next_person(host: Host, named_by: str) -> None:
    device = host.device()
    ali = host.login(device, "ali")
    host.login(device, "bea", force_depersonalize=True)
    topics = host.topics(device)
    of = "ali" if named_by == "external id" else ali
    late = host.people.depersonalize(device, of=of)
    assert (late.outcome, late.person, late.primary_moves) == ("superseded", None, ())
    assert (host.topics(device), host.found("external_id:bea")) == (topics, [device])
    assert host.people.depersonalize(device, of="bea").outcome == "depersonalized"
    assert host.people.depersonalize(device, of="bea").outcome == "unchanged"
    host.login(device, "ali")
    assert host.people.depersonalize(device, of=of).person == ali


def test_R43_the_same_idempotency_key_gives_superseded_again(host: Host) -> None:
    device = host.device()
    host.login(device, "bea")
    for _ in range(2):
        late = host.people.depersonalize(device, of="ali", idempotency_key="k")
        assert late.outcome == "superseded"
    assert host.found("external_id:bea") == [device]


def test_R25_nothing_is_cleared_where_nobody_is_signed_in(host: Host) -> None:
    device = host.device()
    cleared = host.people.set_primary(device, primary=False)
    assert (cleared.outcome, cleared.person) == ("unchanged", None)


def test_R48_a_time_too_far_ahead_of_the_clock_is_refused(host: Host) -> None:
    device = host.device()
    soon = host.clock.now + timedelta(minutes=5)
    host.people.personalize(device, Identity(external_id="ali"), at=soon)
    with pytest.raises(InvalidValue, match=r"^at should be at most 0:05:00 ahead") as refused:
        host.people.depersonalize(device, at=soon + timedelta(microseconds=1))
    assert refused.value.field == "at"
    assert host.found("external_id:ali") == [device]
    patient = Personalization(host.store, clock=host.clock, clock_ahead=timedelta(days=1))
    assert patient.depersonalize(device, at=soon + timedelta(hours=1)).outcome == "depersonalized"


def test_R55_a_caller_for_one_person_signs_in_no_other(host: Host) -> None:
    backend, device = host.device("backend"), host.device()
    victim = host.people.personalize(backend, Identity(emails=["vv@x.com"])).person
    for identity in (
        Identity(external_id="mallory", emails=["vv@x.com"]),
        Identity(external_id="mallory", msisdns=["385991111666"], emails=["vv@x.com"]),
    ):
        with pytest.raises(UserMergeInterrupted, match=r"^emails\[0\] belongs to another person$"):
            host.people.personalize(device, identity, of="mallory")
    for other in (Identity(external_id="eve"), Identity(emails=["vv@x.com"])):
        with pytest.raises(OtherPerson):
            host.people.personalize(device, other, of="mallory")
    assert host.topics(device) == ["InstallationRegistered"]
    host.people.personalize(host.device("own"), Identity(external_id="mallory"))
    with pytest.raises(UserMergeInterrupted):
        host.people.personalize(device, Identity("mallory", emails=["vv@x.com"]), of="mallory")
    done = host.people.personalize(device, Identity("mallory", emails=["m@x.com"]), of="mallory")
    assert done.person != victim
    assert host.found("email:vv@x.com") == [backend]
    assert host.found("email:m@x.com") == [device, "own"]


def test_R26_a_session_counts_from_its_binding_not_from_an_older_touch(host: Host) -> None:
    device = host.device()
    people = sessions(host)
    host.login(device, "ali")
    host.clock.move(minutes=1)
    people.touch(device)
    people.depersonalize(device)
    host.clock.move(hours=1)
    bound = host.clock.now
    host.login(device, "bea")
    with host.store.reading() as reader:
        assert reader.last_seen(device) == bound
        assert reader.idle("shop", bound - timedelta(seconds=1), 10) == []
    host.clock.move(minutes=29)
    assert people.expire_sessions() == []
    host.clock.move(minutes=1)
    assert [each.installations for each in people.expire_sessions()] == [(device,)]
