"""What hosts subscribe to, after the commit and in ledger order (R6, R29)."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from addressee.application import Identity, Personalization
from addressee.domain import DevicePersonalized, Event, InstallationRegistered, PrimaryChanged
from tests.contract.conftest import Host


def test_R6_a_registration_is_told_after_its_commit(host: Host) -> None:
    told: list[tuple[str, str, int]] = []

    def hook(event: InstallationRegistered) -> None:
        reached = host.reach.count("shop", f"installation:{event.installation}")
        told.append((event.installation, event.application, reached))

    host.people.subscribe(InstallationRegistered, hook)
    host.device("a")
    host.device("a")
    assert told == [("a", "shop", 1)]


def test_R29_what_two_streams_record_is_told_once(host: Host) -> None:
    told: list[str] = []
    for kind in (DevicePersonalized, PrimaryChanged):
        host.people.subscribe(kind, lambda event: told.append(type(event).__name__))
    for name in ("a", "b"):
        host.login(host.device(name), "ali", set_primary=True)
    assert told == ["PrimaryChanged", "DevicePersonalized"] * 2 or sorted(told) == [
        "DevicePersonalized", "DevicePersonalized", "PrimaryChanged", "PrimaryChanged",
    ]  # fmt: skip


def test_R29_sixteen_threads_are_told_in_ledger_order(host: Host) -> None:
    told: list[str] = []
    host.people.subscribe(InstallationRegistered, lambda event: told.append(event.installation))
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda n: host.device(f"d{n}"), range(200)))
    with host.store.reading() as reader:
        recorded = [e for _, e in reader.events(0, 10_000)]
    assert told == [e.installation for e in recorded if isinstance(e, InstallationRegistered)]


def test_R29_a_handler_that_fails_is_reported_and_undoes_nothing(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    people = Personalization(host.store, logger=logging.getLogger("host"))
    told: list[Event] = []

    def fails(_: DevicePersonalized) -> None:
        raise ValueError("ali@x.com")  # personal data, as a careless host has it

    people.subscribe(DevicePersonalized, fails)
    people.subscribe(DevicePersonalized, told.append)
    people.personalize(host.device(), Identity(emails=["ali@x.com"]))
    assert host.found("email:ali@x.com") == ["phone"]
    assert len(told) == 1
    [record] = caplog.records
    assert "ValueError" in record.getMessage()
    assert "DevicePersonalized" in record.getMessage()
    assert "ali@x.com" not in caplog.text


def test_R29_a_handler_may_give_commands_itself(host: Host) -> None:
    host.people.subscribe(
        InstallationRegistered,
        lambda event: host.people.tag_installation(event.installation, add={"new"}),
    )
    assert host.found(f"itag:new and installation:{host.device()}") == ["phone"]
