"""Workers send without tickets where the queue gives or takes none (R40)."""

from __future__ import annotations

import gc
import socket
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.adapters.work_queue.jetstream import JetStreamQueue
from addressee.application import Message, Notifier, Personalization
from addressee.domain import StoreUnavailable
from tests.integration.following.stage import at_server
from tests.integration.push.queue.test_work_queue import fill
from tests.patience import wait_until
from tests.servers.sinks.brokers import Nats, broker

ENDED = 3.0
"""Seconds within which a worker ends: one, and two for a machine that does other things."""

MANY = 5
"""Attempts to connect, after which one sees whether earlier ones left something open."""
AT_ONCE = 2
"""Sockets that may be open at a moment: one, and another that is about to be closed."""


class Served:
    """A worker that serves a store of twenty devices by a queue, and what it has sent."""

    def __init__(self, store: SqlStore, queue: JetStreamQueue) -> None:
        self._devices = fill(Personalization(store), 20)
        self._push, self._stop = RecordingPush(), Event()
        self._notifier = Notifier(store, {"fcm": self._push}, batch=5)
        self._told: list[str] = []
        self._worker = Thread(
            target=lambda: self._notifier.serve(
                self._stop, lambda each: self._told.append(each.id), queue=queue
            )
        )
        self._worker.start()

    def sends(self, dispatches: int, what: str) -> None:
        """Wait until dispatches that are made now are sent."""
        made = {
            self._notifier.dispatch("shop", "type:customer", Message(title="Hi")).id
            for _ in range(dispatches)
        }
        wait_until(lambda: made <= {*self._told}, what)

    def end(self) -> float:
        """End the worker; return the seconds that it takes."""
        self._stop.set()
        begun = time.monotonic()
        self._worker.join()
        return time.monotonic() - begun

    def check(self, dispatches: int) -> None:
        """Check that so many dispatches were told once and have reached each device once."""
        assert len(self._told) == len({*self._told}) == dispatches
        counts = Counter(sent.recipient.installation for sent in self._push.sent)
        assert counts == dict.fromkeys(self._devices, dispatches)


@contextmanager
def served(folder: Path, queue: JetStreamQueue) -> Generator[Served]:
    with SqlStore(f"sqlite:///{folder}/ledger.db") as store:
        serving = Served(store, queue)
        try:
            yield serving
        finally:
            serving.end()
            queue.close()


def test_R40_without_a_broker_batches_are_sent_and_a_worker_stops_at_once(tmp_path: Path) -> None:
    with broker(Nats) as server:
        server.kill()
        queue = JetStreamQueue(server.url)
        with served(tmp_path, queue) as serving:
            serving.sends(2, "they are sent without tickets")
            server.start()
            wait_until(lambda: reached(queue), "the queue is there again")
            serving.sends(1, "it is sent")
            server.kill()
            serving.sends(1, "it is sent without the queue that was there")
            assert serving.end() < ENDED
        serving.check(4)


def test_R40_batches_are_sent_where_a_broker_says_nothing_any_more(tmp_path: Path) -> None:
    with broker(Nats) as server:
        try:
            with served(tmp_path, JetStreamQueue(server.url)) as serving:
                serving.sends(1, "it is sent")
                server.stop_answering()
                serving.sends(1, "it is sent by itself")
                server.go_on()
        finally:
            server.go_on()
        serving.check(2)


@pytest.mark.parametrize(
    "made",
    [
        {"subjects": ["FULL.>"], "max_msgs": 1, "discard": "new", "retention": "workqueue"},
        {"subjects": ["another.>"]},
    ],
    ids=["full", "of other subjects"],
)
def test_R40_batches_are_sent_where_the_queue_takes_no_tickets(
    tmp_path: Path, made: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with broker(Nats) as server:
        at_server(server.url, lambda stream: stream.add_stream(name="FULL", **made))
        at_server(server.url, lambda stream: taken_up(stream, made["subjects"][0]))
        with served(tmp_path, JetStreamQueue(server.url, "FULL")) as serving:
            serving.sends(2, "they are sent without tickets")
            at_server(server.url, lambda stream: stream.delete_stream("FULL"))
            serving.sends(1, "it is sent")
    serving.check(3)
    assert "the queue FULL takes no ticket" in caplog.text


async def taken_up(stream: Any, subject: str) -> None:  # noqa: ANN401 # the driver's own
    """Have a stream hold a message that no worker takes."""
    await stream.publish(subject.replace(">", "elsewhere.taken"))


def test_R40_a_broker_that_says_nothing_keeps_no_connection_of_earlier_attempts() -> None:
    with broker(Nats) as server:
        queue = JetStreamQueue(
            server.url, ping_interval=0.1, connect_timeout=0.2, reconnect_time_wait=0.01
        )
        wait_until(lambda: reached(queue), "the queue is there")
        server.stop_answering()
        attempts, most = set[int](), 0

        def attempted() -> int:
            nonlocal most
            reached(queue)
            ports = connected_to(server.port)
            most = max(most, len(ports))
            attempts.update(ports)
            return len(attempts) > MANY

        try:
            wait_until(attempted, "it tries to connect again and again")
        finally:
            server.go_on()
            queue.close()
        assert most <= AT_ONCE
        assert not connected_to(server.port)


def connected_to(port: int) -> list[int]:
    """Return the local ports of this process's open sockets that are connected to a port."""
    found = list[int]()
    for each in gc.get_objects():
        if isinstance(each, socket.socket) and each.fileno() >= 0:
            with suppress(OSError):
                if each.family == socket.AF_INET and each.getpeername()[1] == port:
                    found.append(each.getsockname()[1])
    return found


def reached(queue: JetStreamQueue) -> bool:
    try:
        queue.offer("store", "bank", "nothing")
    except StoreUnavailable:
        return False
    return True
