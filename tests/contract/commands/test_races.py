"""Sixty-four at once (R5, R6, R7, R13)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from addressee.application import Identity
from addressee.domain import AddresseeError
from tests.contract.conftest import Host

MANY = 64


def at_once(call: Callable[[int], object]) -> list[object]:
    """Return what 64 threads that start together got, refusals by their type."""
    barrier = Barrier(MANY)

    def run(n: int) -> object:
        barrier.wait()
        try:
            return call(n)
        except AddresseeError as refusal:
            return type(refusal).__name__

    with ThreadPoolExecutor(MANY) as threads:
        return list(threads.map(run, range(MANY)))


def test_R6_64_registrations_of_one_id_make_one_installation(host: Host) -> None:
    answers = at_once(lambda _: host.people.register("shop", installation="one").outcome)
    assert Counter(answers) == {"registered": 1, "unchanged": MANY - 1}
    assert host.topics("one") == ["InstallationRegistered"]
    assert host.reach.count("shop", "all") == 1


def test_R7_64_registrations_of_one_push_token_leave_one_live(host: Host) -> None:
    at_once(lambda n: host.people.register("shop", installation=f"d{n}", push_token="t"))
    assert host.reach.count("shop", "all", include_disabled=True) == 1
    topics = [host.topics(f"d{n}") for n in range(MANY)]
    assert sum("InstallationExpired" in seen for seen in topics) == MANY - 1


def test_R13_64_persons_on_one_installation_make_one_winner(host: Host) -> None:
    device = host.device()
    answers = at_once(
        lambda n: host.people.personalize(device, Identity(external_id=f"p{n}")).outcome
    )
    assert Counter(answers) == {"attached": 1, "PersonalizationImpossible": MANY - 1}
    assert host.topics(device) == ["InstallationRegistered", "DevicePersonalized"]


def test_R5_64_claims_of_one_email_make_one_person(host: Host) -> None:
    for n in range(MANY):
        host.device(f"d{n}")
    persons = at_once(
        lambda n: host.people.personalize(f"d{n}", Identity(emails=["one@x.com"])).person
    )
    assert len(set(persons)) == 1
    assert host.reach.count("shop", "email:one@x.com") == MANY
    assert len(host.history.identifier("email", "one@x.com")) == 1
