"""Four workers of a queue beside one, with a service that answers each message in 20 ms."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

from addressee.adapters.sql import SqlStore
from addressee.application import Message, Notifier
from tests.benchmarks.reading.population import APPLICATION, KEY
from tests.benchmarks.report import Figure
from tests.benchmarks.sending.dispatch import fill
from tests.forked import forked
from tests.patience import wait_until
from tests.servers.sinks.brokers import Broker, Nats, broker

INSTALLATIONS = 20_000
WORKERS, BAR = 4, 1.8
WORKER = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from addressee.adapters.sql import SqlStore
from addressee.adapters.work_queue.jetstream import JetStreamQueue
from addressee.application import Accepted, Notifier
from tests.benchmarks.reading.population import KEY

url, server, stream, ready = sys.argv[1:]
threads = ThreadPoolExecutor(32)  # as many as transports of services have requests under way


def answer(recipient):
    time.sleep(0.02)
    return Accepted(recipient.installation)


class Service:
    def send(self, message, recipients):
        return threads.map(answer, recipients)


notifier = Notifier(SqlStore(url, identifier_key=KEY), {"fcm": Service()})
Path(ready).touch()
notifier.serve(Event(), queue=JetStreamQueue(server, stream))
"""


def figure() -> Figure:
    with broker(Nats) as server:
        one, four = seconds(server, 1), seconds(server, WORKERS)
    return Figure("four workers beside one, 20 ms a message", four, one, BAR)


def seconds(server: Broker, workers: int) -> float:
    """Return the seconds a push by so many workers."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url = f"sqlite:///{folder}/dispatch.db"
        store = stack.enter_context(SqlStore(url, identifier_key=KEY))
        fill(store, INSTALLATIONS)
        ready = [Path(folder) / f"ready{n}" for n in range(workers)]
        for each in ready:
            started = forked("-c", WORKER, url, server.url, f"WORKERS{workers}", str(each))
            stack.callback(started.wait)
            stack.callback(started.kill)
        wait_until(lambda: all(each.exists() for each in ready), "all are up")
        notifier = Notifier(store, {})
        made = notifier.dispatch(APPLICATION, "all", Message(title="Hi"))
        begun = monotonic()
        wait_until(lambda: notifier.status(made.id).state == "done", "all is sent", 0.05)
        return (monotonic() - begun) / notifier.status(made.id).accepted
