"""A broker that is away delays no command, and gets everything when it is back (R42)."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from threading import Event, Thread

from addressee.adapters.events.jetstream import JetStreamSink
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Relay, Sinks
from tests.servers.brokers import Nats, broker


def test_R42_commands_do_not_wait_for_a_broker_that_is_down(tmp_path: Path, *, long: bool) -> None:
    slices, seconds = (10, 3.0) if long else (3, 0.4)
    stop = Event()
    with broker(Nats) as server, SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        people, sink = Personalization(store), JetStreamSink(server.url, "EVENTS", timeout=2)
        relay = Relay(store, "bus", sink)
        thread = Thread(target=relay.run, args=(stop,))
        thread.start()
        ratios: list[float] = []
        while not ratios or (ratios[-1] < 0.9 and len(ratios) < 5):  # others use the machine too
            rate(people, seconds)
            up = [rate(people, seconds) for _ in range(slices)]
            server.kill()
            ratios.append(median(rate(people, seconds) for _ in range(slices)) / median(up))
            waiting = Sinks(store).status("bus")
            server.start()
            assert waiting.behind > 0
            assert waiting.oldest > 0
            drained(store)
        stop.set()
        relay.wake()
        thread.join(30)
        relay.close()
        assert Sinks(store).status("bus").dead == 0
        assert ratios[-1] >= 0.9


def drained(store: SqlStore) -> None:
    """Return once the broker has everything."""
    deadline = time.monotonic() + 60
    while Sinks(store).status("bus").behind:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def rate(people: Personalization, seconds: float) -> float:
    """Return how many commands a second succeed."""
    count, start = 0, time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        device = people.register("shop").installation
        people.personalize(device, Identity(external_id=f"p{count % 20}"))
        count += 2
    return count / passed
