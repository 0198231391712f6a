"""Workers share a dispatch by a work queue of NATS, and are killed (R39, R40)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self

from addressee.adapters.sql import SqlStore
from addressee.adapters.work_queue.jetstream import JetStreamQueue
from addressee.application import History, Message, Notifier, Personalization, bulk
from addressee.application.default_clock_and_ids import utc_now
from tests.forked import Process, forked
from tests.integration.push.test_dispatch_crash import (
    bytes_in,
    check_outcomes,
    login,
    register,
    sent_in,
)
from tests.patience import PATIENCE, wait_until
from tests.servers.sinks.brokers import Broker

WORKER = """
import sys, time
from threading import Event
from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.adapters.work_queue.jetstream import JetStreamQueue
from addressee.application import Notifier

url, server, stream, path, batch, lease, pause = sys.argv[1:]


class Slow(RecordingPush):
    def send(self, message, recipients):
        # Sent, and not yet recorded: the kill comes in between.
        answers = [*super().send(message, recipients)]
        time.sleep(float(pause))
        return answers


queue = JetStreamQueue(server, stream, lease=float(lease))
notifier = Notifier(SqlStore(url), {"fcm": Slow(path=path)}, batch=int(batch), lease=float(lease))
notifier.serve(Event(), queue=queue)
"""


class Workers:
    """Starts workers of one queue, and ends them all with its block."""

    def __init__(self, url: str, server: Broker, stream: str, folder: Path, batch: int) -> None:
        self._start = (url, server.url, stream)
        self._folder, self._batch = folder, batch
        self._started: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._started:
            each.kill()
            each.wait()

    def start(self, name: str, pause: float, lease: int = 600) -> Process:
        """Start one; only those to be killed have a short lease: no slow one counts as gone."""
        own = (str(self._folder / name), str(self._batch), str(lease), str(pause))
        started = forked("-c", WORKER, *self._start, *own)
        self._started.append(started)
        return started

    def finish(self, notifier: Notifier, dispatch: str) -> None:
        """Wait until a dispatch is done, as long as batches are sent."""

        def is_done() -> bool:
            return notifier.status(dispatch).state == "done"

        while not is_done():
            before = self.written()
            wait_until(partial(self._goes_on, before, is_done), "a batch is sent", 0.2)

    def _goes_on(self, before: int, is_done: Callable[[], bool]) -> bool:
        return self.written() > before or is_done()

    def written(self) -> int:
        return sum(bytes_in(path) for path in self._folder.glob("w*"))


def fill(people: Personalization, count: int) -> list[str]:
    for start in range(0, count, 500):
        numbers = range(start, min(start + 500, count))
        bulk(people, [register(n) for n in numbers])
        bulk(people, [login(n) for n in numbers])
    return [f"d{n}" for n in range(count)]


def test_R39_R40_workers_of_a_queue_send_to_nobody_twice_and_nobody_logged_out(
    new_url: Callable[[], str], nats_broker: Broker, tmp_path: Path, *, long: bool
) -> None:
    """Two of four workers are killed and started again, at random; the leases of others stand."""
    count, batch, kills, logouts = (200_000, 500, 20, 10_000) if long else (200, 20, 1, 40)
    url = new_url()
    workers = Workers(url, nats_broker, f"QUEUE{new_url()[-4:].encode().hex()}", tmp_path, batch)
    chance = random.Random(1)  # noqa: S311 # the same ones each time
    with SqlStore(url) as store, workers, ThreadPoolExecutor(1) as threads:
        people = Personalization(store)
        devices = fill(people, count)
        notifier = Notifier(store, {})
        made = notifier.dispatch("shop", "type:customer", Message(title="Hi"))
        returned: dict[str, datetime] = {}

        def log_out() -> None:
            for name in chance.sample(devices, logouts):
                people.depersonalize(name)
                returned[name] = utc_now()

        racing = threads.submit(log_out)
        wait_until(lambda: len(returned) > 20, "some log out")
        for n in range(2 if long else 0):
            workers.start(f"w{n}", 0.02)
        for n in range(kills):
            name = f"w-doomed-{n}"
            doomed = workers.start(name, 2 * PATIENCE if n % 2 == 0 else 0.02, 1)

            def goes_on(path: Path = tmp_path / name) -> bool:
                return bytes_in(path) > 0 or notifier.status(made.id).state == "done"

            wait_until(goes_on, "a batch is sent")
            doomed.kill()
            doomed.wait()
        for n in range(2):
            workers.start(f"w-last-{n}", 0.02)
        racing.result()
        workers.finish(notifier, made.id)
        status = notifier.status(made.id)
        pushes = [*History(store).reached(made.id)]
    check_outcomes(sent_in(tmp_path), status, pushes, returned, devices)


def test_a_queue_without_dispatches_is_waited_for(nats_broker: Broker) -> None:
    """Or an idle worker would ask as fast as it can."""
    queue = JetStreamQueue(nats_broker.url, "IDLE")
    begun = time.monotonic()
    assert queue.take("store", 0.2) is None
    assert time.monotonic() - begun >= 0.2
    queue.close()
