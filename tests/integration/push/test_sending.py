"""What the answers of a real service do to a dispatch (R40, R41)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.adapters.push.fcm import FcmPush
from addressee.application import (
    Answer,
    DispatchStatus,
    Message,
    Notifier,
    Personalization,
    Recipient,
    Targeting,
)
from tests.servers.push.replies import Reply
from tests.servers.push.services import PushServices, fcm_error, push_services

HELLO = Message(title="Hello")
QUOTA = 429


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[PushServices]:
    with push_services(tmp_path_factory.mktemp("push")) as services:
        yield services


class Sender:
    """A store, and a dispatch to all of it through FCM; time passes where the notifier sleeps."""

    def __init__(self, services: PushServices) -> None:
        self.services = services
        services.replies.clear()
        services.requests.clear()
        self.now = datetime.now(UTC)
        self.store = MemoryStore()
        self.times: list[tuple[str, datetime]] = []
        self.fcm = FcmPush("p1", services.account, url=services.url, verify=services.trusted())

    def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Answer]:
        self.times += [(each.address, self.now) for each in recipients]
        answers = self.fcm.send(message, recipients)
        replies = self.services.replies
        for address in [each for each, reply in replies.items() if reply.status == QUOTA]:
            del replies[address]  # once is enough
        return answers

    def run(self, count: int, **options: Any) -> DispatchStatus:  # noqa: ANN401 # of Notifier
        people = Personalization(self.store, clock=lambda: self.now)
        for n in range(count):
            people.register("shop", installation=f"d{n}", push_token=f"t{n}")

        def sleep(seconds: float) -> None:
            self.now += timedelta(seconds=seconds)

        notifier = Notifier(
            self.store,
            {"fcm": self},
            people=people,
            clock=lambda: self.now,
            sleep=sleep,
            **options,
        )
        return notifier.run(notifier.dispatch("shop", "all", HELLO).id)

    @property
    def received(self) -> list[str]:
        return sorted(each.body["token"] for each in self.services.sent("/v1/"))


@pytest.fixture
def sender(running: PushServices) -> Generator[Sender]:
    sender = Sender(running)
    yield sender
    sender.fcm.close()


def test_R40_a_connection_that_breaks_within_a_batch_sends_no_second_push(sender: Sender) -> None:
    sender.services.replies["t7"] = Reply(200, broken=True, after=10)
    done = sender.run(40, batch=10)
    assert (done.state, done.accepted + done.unknown) == ("done", 40)
    assert done.unknown >= 1
    assert sorted(sent for sent, _ in sender.times) == sorted(f"t{n}" for n in range(40))
    received = sender.received  # not of all: what waits on a connection that breaks may go with it
    assert done.accepted <= len(received) == len({*received})


def test_R40_no_connection_has_two_requests_at_a_time(sender: Sender) -> None:
    # Threads would give their requests' numbers in another order than the requests themselves.
    for n in range(10):
        sender.services.replies[f"t{n}"] = Reply(after=10)
    assert sender.run(10, batch=10).accepted == 10
    assert sender.services.most_under_way == 1


def test_R41_a_wave_of_dead_tokens_pauses_and_expires_nobody(sender: Sender) -> None:
    for n in range(3):
        sender.services.replies[f"t{n}"] = fcm_error(404, "NOT_FOUND", "UNREGISTERED")
    stopped = sender.run(20, batch=10)
    assert (stopped.state, stopped.dead, stopped.accepted) == ("paused", 3, 7)
    assert Targeting(sender.store).count("shop", "all") == 20


def test_R41_one_dead_token_expires_its_installation_alone(sender: Sender) -> None:
    sender.services.replies["t3"] = fcm_error(404, "NOT_FOUND", "UNREGISTERED")
    done = sender.run(20)
    assert (done.state, done.dead, done.accepted) == ("done", 1, 19)
    live = list(Targeting(sender.store).targets("shop", "all"))
    assert live == [f"d{n}" for n in range(20) if n != 3]


def test_a_quota_is_waited_for_as_long_as_retry_after_says(sender: Sender) -> None:
    sender.services.replies["t0"] = Reply(QUOTA, headers={"retry-after": "90"})
    begun = sender.now
    done = sender.run(4, batch=2)
    assert (done.state, done.accepted, done.retry) == ("done", 4, 0)
    assert sender.received == ["t0", "t0", "t1", "t2", "t3"]
    first = [("t0", begun), ("t1", begun)]
    assert sender.times[:2] == first
    assert all(at >= begun + timedelta(seconds=90) for _, at in sender.times[2:])
