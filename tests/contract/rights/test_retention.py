"""Installations that nobody uses are counted as stale, and then expire (R54)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import (
    AuditableStore,
    Identity,
    Inactivity,
    Personalization,
    Profiles,
    commands,
    verify,
)
from addressee.application.execution.command_runner import Order
from addressee.application.read_models.projector import project
from addressee.domain import (
    Installation,
    InstallationExpired,
    InvalidValue,
    MobileApp,
    NoRegistration,
    Retention,
)
from tests.contract.conftest import Clock, Host

DAY = 86_400
ENDINGS = (commands.EndSession, commands.ExpireInactive)
SHOP = MobileApp(code="shop", stale_after=30 * DAY, expire_after=270 * DAY)


def test_R54_what_is_unused_is_stale_and_reached_and_then_expires(host: Host) -> None:
    host.store.applications.put(SHOP)
    people, profiles = Personalization(host.store, clock=host.clock), Profiles(host.store)
    for name in ("old", "used", "anonymous"):
        host.device(name)
    for name in ("old", "used"):
        host.login(name, name)
    host.login(host.device("elsewhere", "bank"), "ali")
    [now] = profiles.inactivity(host.clock.move(days=29))
    assert now == Inactivity("shop", (), (), ())
    people.touch("used")
    assert profiles.inactivity(host.clock.move(days=1)) == [Inactivity("shop", ("old",), (), ())]
    assert people.expire_sessions() == []
    assert host.found("external_id:old") == ["old"], "it is told, and still reached"
    length = len(host.topics("old"))
    host.clock.move(days=239)
    assert people.expire_sessions() == []
    [now] = profiles.inactivity(host.clock.move(days=1))
    assert (set(now.stale), now.expiring) == ({"old", "used"}, ("old",))
    assert len(host.topics("old")) == length, "counting changes nothing"
    [answer] = people.expire_sessions()
    assert (answer.outcome, answer.installations) == ("expired", ("old",))
    assert answer.person == host.history.installation("old")[-2].event.model_dump()["person"]
    event = host.history.installation("old")[-1].event
    assert isinstance(event, InstallationExpired)
    assert (event.reason, event.actor) == ("inactive", "policy:retention")
    assert host.found("external_id:old") == []
    with pytest.raises(NoRegistration):
        people.touch("old")
    assert people.expire_sessions() == []
    host.clock.move(days=400)
    assert [each.installations for each in people.expire_sessions()] == [("used",)]
    assert host.found("all", "bank") == ["elsewhere"], "an application without a policy keeps all"
    assert host.found("all") == ["anonymous"], "it takes a time of its own"
    assert isinstance(host.store, AuditableStore)
    assert verify(host.store).differences == ()


def test_R54_what_expires_ends_no_session_and_what_was_used_in_between_stays(host: Host) -> None:
    host.store.applications.put(MobileApp(code="shop", expire_after=60, session_idle=120))
    names = [host.device(f"d{n}") for n in range(6)]
    for name in names:
        host.login(name, name)
    host.clock.move(seconds=59)
    people = Personalization(host.store, clock=host.clock)
    people.touch(names[0])
    late = host.clock.move(seconds=61)
    assert Profiles(host.store).inactivity(late) == [Inactivity("shop", (), tuple(names), ())]
    people.touch(names[0])
    with ThreadPoolExecutor(4) as threads:
        runs = threads.map(lambda _: people.expire_sessions(late), range(4))
        ended = [(each.outcome, *each.installations) for answers in runs for each in answers]
    assert sorted(ended) == [("expired", name) for name in names[1:]]
    assert all(host.topics(name).count("InstallationExpired") == 1 for name in names[1:])


def test_R54_what_nobody_is_signed_in_on_expires_once_it_is_unused(host: Host) -> None:
    host.store.applications.put(MobileApp(code="shop", expire_anonymous_after=270 * DAY))
    people, profiles = Personalization(host.store, clock=host.clock), Profiles(host.store)
    host.device("elsewhere", "bank")
    for name in ("never", "used", "left", "bound", "gone", "muted", "back", "starts", "reports"):
        host.device(name)
    people.expire("gone", "unregistered")
    for name in ("left", "bound", "back"):
        host.login(name, name)
    host.clock.move(days=100)
    people.update_installation("muted", push_enabled=False, actor="backend")
    for name in ("left", "back"):
        people.depersonalize(name)
    host.clock.move(days=100)
    people.touch("used")
    people.register("shop", installation="starts")
    people.update_installation("reports", os_version="17")
    people.tag_installation("never", add={"tag"})
    host.login("back", "back")
    host.clock.move(days=70)
    expiring = ("never", "muted")
    [now] = profiles.inactivity(host.clock.now - timedelta(seconds=1))
    assert now == Inactivity("shop", (), (), ())
    [now] = profiles.inactivity(host.clock.now)
    assert (now.expiring, {*now.anonymous}) == ((), {*expiring})
    answers = people.expire_sessions()
    assert {(each.outcome, each.installations, each.person) for each in answers} == {
        ("expired", (name,), None) for name in expiring
    }
    event = host.history.installation("never")[-1].event
    assert isinstance(event, InstallationExpired)
    assert (event.reason, event.actor) == ("inactive", "policy:retention")
    assert people.expire_sessions() == []
    assert isinstance(host.store, AuditableStore)
    assert verify(host.store).differences == ()
    host.clock.move(days=100)
    assert [each.installations for each in people.expire_sessions()] == [("left",)]
    host.clock.move(days=100)
    expired = {each.installations for each in people.expire_sessions()}
    assert expired == {("used",), ("starts",), ("reports",)}
    host.clock.move(days=1_000)
    assert people.expire_sessions() == []
    assert host.found("all") == ["bound", "back"]
    assert host.found("all", "bank") == ["elsewhere"], "it has no such time"
    assert verify(host.store).differences == ()


def test_R37_R54_a_visit_within_one_page_of_a_replay_counts_as_it_did() -> None:
    host = Host(MemoryStore(), Clock())
    phone = host.device("phone")
    host.clock.move(days=1)
    host.login(phone, "ali")
    left = host.clock.move(days=1)
    host.people.depersonalize(phone)
    registered, *visit = (event for _, event in host.history.installation(phone))
    draft = Installation(phone).fold([registered]).draft()
    [change] = project([draft.fold(visit)], frozenset(), b"key").installations
    assert (change.moved, change.flags is None, change.anonymous_from) == (False, False, left)


def test_R54_who_signs_in_or_is_used_in_between_stays(host: Host) -> None:
    names = [host.device(f"d{n}") for n in range(3)]
    before = host.clock.now
    host.clock.move(hours=1)
    sign_in = commands.Personalize(
        names[0], Identity(external_id="ali"), {}, None,
        force=False, keep_as_lead=False, set_primary=False,
    )  # fmt: skip
    orders = [
        Order(sign_in, {}),
        Order(commands.Depersonalize(names[0], None, "logout"), {}),
        Order(commands.Expire(names[1], "unregistered"), {}),
        *(Order(commands.ExpireInactive(name, before, anonymous=True), {}) for name in names),
    ]
    outcomes = host.people.execution.run(orders)
    assert [getattr(each, "outcome", each) for each in outcomes[-3:]] == [
        "unchanged", "unchanged", "expired",
    ]  # fmt: skip


def test_R26_R54_a_session_that_changes_in_the_same_transaction_is_left_alone(host: Host) -> None:
    for name in ("gone", "again"):
        host.login(host.device(name), name)
    before = host.clock.now
    host.clock.move(hours=1)
    sign_in = commands.Personalize(
        "again", Identity(external_id="next"), {}, None,
        force=True, keep_as_lead=False, set_primary=False,
    )  # fmt: skip
    orders = [
        commands.Expire("gone", "unregistered"),
        sign_in,
        *(kind(name, before) for name in ("gone", "again") for kind in ENDINGS),
    ]
    outcomes = host.people.execution.run([Order(each, {}) for each in orders])
    assert [getattr(each, "outcome", each) for each in outcomes] == [
        "expired", "rebound", *["unchanged"] * 4,
    ]  # fmt: skip
    assert host.found("external_id:next") == ["again"]


def test_R26_R54_a_time_from_which_one_can_t_go_back_finds_nothing(host: Host) -> None:
    long = MobileApp(code="shop", session_idle=10**9, expire_after=10**9 - 1)
    host.store.applications.put(long)
    host.login(host.device(), "ali")
    first = datetime.min.replace(tzinfo=UTC)
    assert host.people.expire_sessions(first) == []
    assert Profiles(host.store).inactivity(first) == [Inactivity("shop", (), (), ())]


def test_R54_a_retention_must_make_sense() -> None:
    day, month = timedelta(days=1), timedelta(days=30)
    assert SHOP.retention == Retention(month, 9 * month)
    for wrong in (
        lambda: Retention(stale_after=timedelta(0)),
        lambda: Retention(expire_after=-day),
        lambda: Retention(stale_after=day, expire_after=day),
        lambda: Retention(stale_after=30),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        lambda: MobileApp(code="shop", stale_after=60, expire_after=60),
        lambda: MobileApp(code="shop", session_idle=60, expire_after=60),
        lambda: MobileApp(code="shop", expire_after=0),
        lambda: Retention(expire_anonymous_after=day - timedelta(seconds=1)),
        lambda: MobileApp(code="shop", expire_anonymous_after=3_600),
    ):
        with pytest.raises(InvalidValue):
            wrong()
