"""Installations come, tell of themselves, and go (R6 to R9)."""

from __future__ import annotations

import pytest

from addressee.application import Identity, Personalization
from addressee.domain import (
    DeviceDepersonalized,
    InstallationExpired,
    InvalidValue,
    LimitExceeded,
    NoRegistration,
)
from tests.contract.conftest import Host


def test_R6_a_registration_is_anonymous_and_recorded(host: Host) -> None:
    made = host.people.register("shop", push_token="t", os="Android")
    assert made.outcome == "registered"
    assert host.history.who(made.installation) is None
    assert host.topics(made.installation) == ["InstallationRegistered"]
    assert host.found("all") == [made.installation]


def test_R6_an_id_of_the_callers_is_idempotent(host: Host) -> None:
    first = host.people.register("shop", installation="mine", os="iOS")
    again = host.people.register("shop", installation="mine", os="iOS")
    assert (first.outcome, again.outcome) == ("registered", "unchanged")
    assert again.installation == "mine"
    assert host.topics("mine") == ["InstallationRegistered"]
    assert host.people.register("shop", installation="mine", os="Android").outcome == "updated"
    with pytest.raises(InvalidValue, match="application"):
        host.people.register("bank", installation="mine")


def test_R7_the_newest_holder_of_a_push_token_supersedes_the_older(host: Host) -> None:
    old = host.device("old", push_token="t")
    ali = host.login(old, "ali", set_primary=True)
    new = host.people.register("shop", installation="new", push_token="t")
    assert new.superseded == "old"
    assert host.found("all") == ["new"]
    assert host.found("external_id:ali") == []
    assert host.history.devices(ali) == []
    assert host.topics("old")[-3:] == [
        "PrimaryChanged",
        "DeviceDepersonalized",
        "InstallationExpired",
    ]
    with pytest.raises(NoRegistration) as refused:
        host.people.touch("old")
    assert refused.value.reason == "superseded"


def test_R7_the_history_names_the_installation_that_took_the_token(host: Host) -> None:
    old = host.device("old", push_token="t")
    ali = host.login(old, "ali")
    host.device("new")
    host.people.update_installation("new", push_token="t")
    *_, unbound, expired = [event for _, event in host.history.installation("old")]
    [left] = [e for _, e in host.history.person(ali) if isinstance(e, DeviceDepersonalized)]
    assert isinstance(unbound, DeviceDepersonalized)
    assert isinstance(expired, InstallationExpired)
    assert unbound.superseded_by == expired.superseded_by == left.superseded_by == "new"
    host.people.expire("new", "unregistered")
    *_, ended = [event for _, event in host.history.installation("new")]
    assert isinstance(ended, InstallationExpired)
    assert ended.superseded_by is None


def test_R7_holds_for_a_token_that_is_reported_later_and_within_one_application(host: Host) -> None:
    host.device("a", push_token="t")
    host.device("b", "bank", push_token="t")
    host.device("c", push_token="u")
    host.people.update_installation("c", push_token="t")
    assert host.found("all") == ["c"]
    assert host.found("all", "bank") == ["b"]


def test_R7_a_token_that_was_given_up_supersedes_nobody(host: Host) -> None:
    host.device("a", push_token="t")
    host.people.update_installation("a", push_token="u")
    assert host.people.register("shop", installation="b", push_token="t").superseded is None
    assert host.found("all") == ["a", "b"]


def test_R8_facts_change_in_part_and_null_deletes(host: Host) -> None:
    device = host.device(os="Android", language="en", app_version="1")
    host.people.update_installation(
        device, language=None, app_version="2", push_enabled=False, attributes={"theme": "dark"}
    )
    assert host.reach.count("shop", "os:android and app_version:2", include_disabled=True) == 1
    assert host.reach.count("shop", "language:en", include_disabled=True) == 0
    assert host.reach.count("shop", "iattr.theme:dark", include_disabled=True) == 1
    assert host.found("all") == []
    assert host.people.update_installation(device, app_version="2").outcome == "unchanged"
    host.people.update_installation(device, push_enabled=True, attributes={"theme": None})
    assert host.found("all and not iattr.theme:dark") == [device]


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"os": 5}, InvalidValue),
        ({"device_secure": "yes"}, InvalidValue),
        ({"push_enabled": "yes"}, InvalidValue),
        ({"shoe_size": "44"}, InvalidValue),
        ({"language": "x" * 51}, LimitExceeded),
        ({"push_token": ""}, LimitExceeded),
        ({"device_name": "a\0b"}, InvalidValue),
        ({"attributes": {"n": [1]}}, InvalidValue),
        ({"attributes": {"n": "x" * 4097}}, LimitExceeded),
        ({"attributes": {"x" * 257: 1}}, LimitExceeded),
    ],
)
def test_R8_malformed_facts_are_refused_whole(
    host: Host, facts: dict[str, object], error: type[Exception]
) -> None:
    device = host.device(os="iOS")
    with pytest.raises(error):
        host.people.update_installation(device, **{"os": "Android", **facts})  # type: ignore[arg-type] # wrong on purpose
    assert host.topics(device) == ["InstallationRegistered"]


@pytest.mark.parametrize("reason", ["token_rejected", "unregistered"])
def test_R9_an_expired_installation_answers_no_registration(host: Host, reason: str) -> None:
    device = host.device()
    host.login(device, "ali")
    host.people.expire(device, reason)  # type: ignore[arg-type] # both are reasons
    last = host.history.installation(device)[-2].event
    assert (type(last).__name__, getattr(last, "reason", "")) == ("DeviceDepersonalized", reason)
    assert host.reach.count("shop", "all", include_disabled=True) == 0
    for call in (
        lambda: host.people.touch(device),
        lambda: host.people.depersonalize(device),
        lambda: host.people.expire(device, "unregistered"),
        lambda: host.people.register("shop", installation=device),
        lambda: host.people.personalize(device, Identity(external_id="ali")),
    ):
        with pytest.raises(NoRegistration):
            call()


def test_R17_an_unchanged_command_of_a_new_process_tells_the_last_position(host: Host) -> None:
    device = host.device()
    host.people.update_installation(device, attributes={"n": 1})
    last = host.people.update_installation(device, attributes={"n": 2})
    fresh = Personalization(host.store, clock=host.clock)
    assert fresh.touch(device).position == last.position
