"""Stores that share a work queue of NATS: each one's workers are given its own tickets."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.adapters.work_queue.jetstream import JetStreamQueue, JetStreamTicket
from addressee.application import Message, Notifier, Personalization
from addressee.domain import InvalidValue
from tests.patience import PATIENCE, wait_until
from tests.servers.sinks.brokers import Broker

KEY = b"both have it: one was imported from an export of the other"


class Noting(JetStreamQueue):
    """A queue that notes of which dispatches it has given tickets."""

    def __init__(self, url: str, stream: str) -> None:
        super().__init__(url, stream)
        self.given = set[str]()

    def take(self, store: str, seconds: float) -> JetStreamTicket | None:
        ticket = super().take(store, seconds)
        if ticket is not None:
            self.given.add(ticket.dispatch)
        return ticket


class Worker:
    """A worker of a store with a dispatch of its own."""

    def __init__(self, store: SqlStore, queue: Noting, count: int) -> None:
        people = Personalization(store)
        for n in range(count):
            people.register("shop", installation=f"d{n}", push_token=f"t{n}")
        self.push, self.queue = RecordingPush(), queue
        self.notifier = Notifier(store, {"fcm": self.push}, batch=4)
        self.made = self.notifier.dispatch("shop", "all", Message(title="Hi"))
        self.done = False

    def serve(self, stop: Event) -> None:
        self.notifier.serve(stop, lambda _: setattr(self, "done", True), queue=self.queue)


@pytest.fixture
def queue(nats_broker: Broker) -> Generator[JetStreamQueue]:
    queue = JetStreamQueue(nats_broker.url, "SHARED")
    yield queue
    queue.close()


def test_R40_workers_of_two_stores_are_given_tickets_of_their_own_dispatches(
    new_url: Callable[[], str], nats_broker: Broker
) -> None:
    """They have the same applications and the same identifier key, as a copy for trials has."""
    count, stop = 80, Event()
    with (
        SqlStore(new_url(), identifier_key=KEY) as one,
        SqlStore(new_url(), identifier_key=KEY) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        workers = [
            Worker(store, Noting(nats_broker.url, "TWO_STORES"), count) for store in (one, other)
        ]
        served = [threads.submit(worker.serve, stop) for worker in workers]
        try:
            wait_until(lambda: all(worker.done for worker in workers), "both are done")
        finally:
            stop.set()
            for each in served:
                each.result(PATIENCE)
            for worker in workers:
                worker.queue.close()
        for worker in workers:
            assert worker.queue.given == {worker.made.id}
            assert worker.notifier.status(worker.made.id).accepted == len(worker.push.sent) == count


def test_a_queue_that_stores_share_tells_their_tickets_apart(queue: JetStreamQueue) -> None:
    queue.offer("a", "shop", "of-a")
    queue.offer("b", "shop", "of-b")
    assert [taken(queue, store) for store in ("b", "b", "c", "a", "a")] == [
        *("of-b", None, None, "of-a", None)
    ]


def test_workers_of_one_store_share_its_tickets(queue: JetStreamQueue, nats_broker: Broker) -> None:
    other = JetStreamQueue(nats_broker.url, "SHARED")
    for each in (queue, other):
        each.offer("shared", "shop", "one")
    assert [taken(each, "shared") for each in (other, other, queue)] == ["one", "one", None]
    other.close()


def test_applications_of_any_code_have_tickets(queue: JetStreamQueue) -> None:
    for application in ("ë" * 256, "a.b", "a>*"):
        queue.offer("codes", application, application[0])
        assert taken(queue, "codes") == application[0]


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a*", "a>", "a/b", "a\\b"])
def test_a_name_that_no_stream_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="stream"):
        JetStreamQueue("nats://127.0.0.1:1", name)


def taken(queue: JetStreamQueue, store: str) -> str | None:
    """Return whose ticket was taken, and give it back."""
    ticket = queue.take(store, 0.5)
    if ticket is None:
        return None
    ticket.done()
    return ticket.dispatch
