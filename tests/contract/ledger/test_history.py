"""Who it was at any moment (R36)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from addressee.application import Identity
from addressee.domain import DevicePersonalized, InvalidValue, NoRegistration, UnknownPerson
from tests.contract.conftest import Host


def test_R36_who_and_devices_at_every_moment_of_a_shared_tablet(host: Host) -> None:
    tablet = host.device("tablet")
    seen: list[tuple[datetime, str | None]] = [(host.clock.now, None)]
    for name in ("ali", "bob", "ali"):
        host.clock.move(hours=1)
        seen.append((host.clock.now, host.login(tablet, name)))
        host.clock.move(hours=1)
        host.people.depersonalize(tablet)
        seen.append((host.clock.now, None))
    for at, person in seen:
        assert host.history.who(tablet, at) == person
    assert host.history.who(tablet) is None
    for at, person in seen[1::2]:
        assert person is not None
        assert host.history.devices(person, at) == [tablet]
        assert host.history.devices(person) == []


def test_R36_history_of_an_installation_a_person_and_an_identifier(host: Host) -> None:
    device = host.device()
    ali = host.people.personalize(device, Identity(emails=["a@x.com"])).person
    host.people.depersonalize(device)
    assert host.topics(device) == [
        "InstallationRegistered", "DevicePersonalized", "DeviceDepersonalized",
    ]  # fmt: skip
    assert [type(e).__name__ for _, e in host.history.person(ali)] == [
        "PersonCreated", "IdentifierAdded", "DevicePersonalized", "DeviceDepersonalized",
    ]  # fmt: skip
    [(position, claimed)] = host.history.identifier("email", "A@X.COM")
    assert getattr(claimed, "person", "") == ali
    assert position > 0
    assert "a@x.com" not in claimed.model_dump_json()


def test_R36_questions_about_what_never_was(host: Host) -> None:
    with pytest.raises(NoRegistration):
        host.history.who("nothing")
    with pytest.raises(UnknownPerson):
        host.history.devices("nobody")
    assert host.history.identifier("msisdn", "385991111666") == ()
    with pytest.raises(InvalidValue):
        host.history.identifier("passport", "1")
    with pytest.raises(InvalidValue):
        host.history.who(host.device(), datetime(2026, 11, 23))  # noqa: DTZ001 # wrong on purpose


def test_r36_a_confined_caller_is_told_of_its_application_alone(host: Host) -> None:
    host.device("a")
    host.device("b", application="bank")
    ali = host.login("a", "ali")
    with pytest.raises(UnknownPerson):
        host.history.person(ali, within="bank")
    assert list(host.history.identifier("external_id", "ali", within="bank")) == []
    host.login("b", "ali")
    events = [each.event for each in host.history.person(ali, within="bank")]
    bound = [event.installation for event in events if isinstance(event, DevicePersonalized)]
    assert bound == ["b"]
    assert not any(getattr(event, "installation", "b") == "a" for event in events)
    assert host.history.devices(ali, within="bank") == ["b"]
    assert len(host.history.identifier("external_id", "ali", within="bank")) == 1
    for ask in (host.history.installation, host.history.who):
        with pytest.raises(NoRegistration):
            ask("a", within="bank")
        assert ask("b", within="bank")


def test_R36_what_an_actor_asked_for(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addressee.application.history.PAGE", 2)
    phone, till = host.device(), host.device("till", "bank")
    host.login(phone, "ali")
    host.people.tag_installation(phone, add={"x"}, actor="backend:ann")
    host.people.tag_installation(till, add={"x"}, actor="backend:ann")
    host.people.tag_installation(phone, add={"y"}, actor="backend:anna")
    told: list[int] = []
    found = [*host.history.actor("backend:ann", progress=told.append)]
    assert [event.originator_id for _, event in found] == [
        "installation:phone", "installation:till",
    ]  # fmt: skip
    assert told == sorted(told)
    assert told[-1] > found[-1].position
    assert [*host.history.actor("backend:ann", after=found[0].position)] == found[1:]
    assert [*host.history.actor("policy")] == []
    with pytest.raises(InvalidValue, match="actor"):
        host.history.actor("nobody")


def test_R36_a_history_is_read_in_pages(host: Host) -> None:
    device = host.device()
    ali = host.login(device, "ali")
    for n in range(3):
        host.people.update_person(device, attributes={"n": n})
        host.people.update_installation(device, attributes={"n": n})
    for read in (host.history.installation, host.history.person):
        name = device if read == host.history.installation else ali
        whole, after, pages = list(read(name)), 0, []
        while page := read(name, after=after, limit=2):
            pages.append(len(page))
            assert whole[: len(page)] == list(page)
            del whole[: len(page)]
            after = page[-1].position
        assert (whole, set(pages[:-1])) == ([], {2})
    [claimed] = host.history.identifier("external_id", "ali", limit=1)
    assert host.history.identifier("external_id", "ali", after=claimed.position) == []
    page_of: Any = host.history.installation  # as a host without a type checker calls it
    for wrong in ({"after": -1}, {"limit": 0}, {"limit": 1.5}, {"after": "1"}):
        with pytest.raises(InvalidValue, match=f"^{next(iter(wrong))} should be a whole number"):
            page_of(device, **wrong)


def test_R36_a_holder_is_shown_as_of_then(host: Host) -> None:
    device = host.device()
    host.people.personalize(device, Identity("ali", emails=["old@x.com"]), {"plan": "gold"})
    then = host.clock.now
    host.clock.move(hours=1)
    host.people.update_person(
        device, Identity(emails=["new@x.com"]), remove=Identity(emails=["old@x.com"])
    )
    host.people.depersonalize(device)
    host.device("other", application="bank")
    host.login("other", "ali")
    held = host.history.holder(device, then)
    assert held is not None
    assert (held.values("email"), held.attributes) == (["old@x.com"], {"plan": "gold"})
    assert held.devices == {device: "shop"}
    assert host.history.holder(device) is None
    now = host.history.holder("other")
    assert now is not None
    assert (now.name, now.values("email")) == (held.name, ["new@x.com"])
    with pytest.raises(NoRegistration):
        host.history.holder(device, then, within="bank")
