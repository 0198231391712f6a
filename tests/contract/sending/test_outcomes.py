"""What the answers of push services lead to (R41)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from addressee.adapters.push import RecordingPush
from addressee.application import (
    Accepted,
    Answer,
    Dead,
    Recipient,
    Rejected,
    Retry,
)
from addressee.domain import (
    InstallationExpired,
)
from tests.contract.conftest import Host
from tests.contract.sending.sender import HELLO, Sender, answering, devices, installations


def test_R41_a_dead_address_expires_the_installation_that_still_has_it(host: Host) -> None:
    devices(host, 12)
    before, after = host.clock.now - timedelta(days=1), host.clock.now + timedelta(days=1)

    def rotate(each: Recipient) -> Answer:
        if each.installation == "d1":
            host.people.update_installation("d1", push_token="new")
        deaths: dict[str, datetime | None] = {"d0": None, "d1": None, "d10": before, "d11": after}
        if each.installation in deaths:
            return Dead("Unregistered", deaths[each.installation])
        return Accepted()

    sender = Sender(host, RecordingPush(rotate))
    for n in range(12, 40):
        host.device(f"d{n}", push_token=f"t{n}")
    done = sender.send()
    assert (done.state, done.dead, done.accepted) == ("done", 4, 36)
    live = host.found("all")
    assert [n for n in range(40) if f"d{n}" not in live] == [0, 11]
    [*_, (_, last)] = host.history.installation("d0")
    assert isinstance(last, InstallationExpired)
    assert last.reason == "token_rejected"
    assert (last.actor, last.correlation_id) == ("policy:dispatch", done.id)


def test_R41_a_wave_of_dead_addresses_pauses_and_expires_nobody(host: Host) -> None:
    devices(host, 10)
    dead: dict[str, Answer] = dict.fromkeys(["d0", "d2", "d4"], Dead("Unregistered"))
    push = answering(dead)
    sender = Sender(host, push, batch=5)
    stopped = sender.send()
    assert (stopped.state, stopped.dead, stopped.accepted) == ("paused", 3, 2)
    assert stopped.problem is not None
    assert "fcm" in stopped.problem
    assert host.reach.count("shop", "all") == 10
    assert sender.notifier.run(stopped.id).state == "paused"
    assert sender.notifier.resume(stopped.id).problem is None
    done = sender.notifier.run(stopped.id)
    assert (done.state, done.dead, done.accepted) == ("done", 3, 7)
    assert host.reach.count("shop", "all") == 10


def test_R41_a_wave_is_that_of_one_service(host: Host) -> None:
    devices(host, 20)
    for n in range(2):
        host.device(f"apple{n}", push_token=f"a{n}", os="iOS")
    dead: dict[str, Answer] = {
        **dict.fromkeys(["apple0", "apple1"], Dead("Unregistered")),
        "d0": Dead("Unregistered"),
    }
    stopped = Sender(host, answering(dead)).send()
    assert (stopped.state, stopped.dead) == ("paused", 3)
    assert host.reach.count("shop", "os:ios") == 2
    assert host.reach.count("shop", "all") == 21


def test_a_service_that_asks_to_wait_is_waited_for(host: Host) -> None:
    devices(host, 3)
    answers: dict[str, Answer] = {"d0": Retry("429", after=60)}
    push = answering(answers)
    sender = Sender(host, push, batch=2)
    made = sender.notifier.dispatch("shop", "all", HELLO)
    begun = host.clock.now
    times: list[float] = []

    def note(_: int) -> None:
        answers.clear()
        times.append((host.clock.now - begun).total_seconds())

    done = sender.notifier.run(made.id, note)
    assert installations(push) == ["d0", "d1", "d0", "d2"]
    assert times[0] == 0
    assert times[1] >= 60
    assert (done.state, done.accepted, done.retry) == ("done", 3, 0)


def test_a_service_that_never_takes_it_is_given_up(host: Host) -> None:
    devices(host, 1)
    push = answering({"d0": Retry("503")})
    done = Sender(host, push).send()
    assert (done.state, done.rejected, len(push.sent)) == ("done", 1, 6)


def test_a_wrong_configuration_pauses(host: Host) -> None:
    devices(host, 4)
    push = answering({"d0": Rejected("SENDER_ID_MISMATCH", misconfigured=True)})
    stopped = Sender(host, push, batch=2).send()
    assert (stopped.state, stopped.rejected, stopped.accepted) == ("paused", 1, 1)
    assert stopped.problem == "fcm refuses every message: SENDER_ID_MISMATCH"


@pytest.mark.parametrize("key", ["fcm", ("shop", "fcm")])
def test_a_rate_is_kept(host: Host, key: str | tuple[str, str]) -> None:
    devices(host, 10)
    sender = Sender(host, RecordingPush(), batch=2, rates={key: 0.5, "hms": 0.1})
    sender.send()
    assert sender.slept == pytest.approx(20, abs=0.1)


def test_a_service_without_transport_is_rejected(host: Host) -> None:
    host.device("phone", push_token="t", push_service="HMS")
    done = Sender(host, RecordingPush()).send()
    assert (done.state, done.rejected) == ("done", 1)
