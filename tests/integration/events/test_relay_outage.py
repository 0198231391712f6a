"""A broker that is away delays no command, and gets everything when it is back (R42)."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic

from addressee.adapters.events.jetstream import JetStreamSink
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Relay, Sinks
from tests.integration.events.test_brokers import from_nats, of_ledger
from tests.patience import PATIENCE, wait_until
from tests.servers.sinks.brokers import Nats, broker

OUTAGES, MANY_OUTAGES = 1, 3
COMMANDS, MANY_COMMANDS = 100, 1_000
LONG_OUTAGE = 30.0
"""Seconds; by default a broker is away for as long as some commands take."""


def test_R42_commands_do_not_wait_for_a_broker_that_is_down(tmp_path: Path, *, long: bool) -> None:
    stop, count = Event(), MANY_COMMANDS if long else COMMANDS
    with (
        broker(Nats) as server,
        SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store,
        ThreadPoolExecutor(2) as threads,
    ):
        people, sinks = Personalization(store), Sinks(store)
        relay = Relay(store, "bus", JetStreamSink(server.url, "EVENTS", timeout=2))
        running = threads.submit(relay.run, stop)
        for _ in range(MANY_OUTAGES if long else OUTAGES):
            threads.submit(run, people, count).result(PATIENCE)
            wait_until(lambda: not sinks.status("bus").behind, "all is sent before the outage")
            server.kill()
            # A command that waits for the broker does not return.
            end = monotonic() + (LONG_OUTAGE if long else 0)
            threads.submit(run, people, count).result(PATIENCE)
            while monotonic() < end:
                threads.submit(run, people, count).result(PATIENCE)
            waiting = sinks.status("bus")
            server.start()
            assert waiting.behind > count
            assert waiting.oldest > 0
            wait_until(lambda: not sinks.status("bus").behind, "all is sent after the outage")
        stop.set()
        relay.wake()
        running.result(PATIENCE)
        relay.close()
        assert sinks.status("bus").dead == 0
        taken: list[bytes] = []

        async def take(contents: list[bytes]) -> None:
            taken.extend(contents)

        asyncio.run(from_nats(server.url, take))
        there = sorted({int(json.loads(content)["sequence"]) for content in taken})
        assert there == [position for position, _, _ in of_ledger(store)]


def run(people: Personalization, count: int) -> None:
    """Have a new device register, and sign somebody in on it, again and again."""
    for number in range(count // 2):
        device = people.register("shop").installation
        people.personalize(device, Identity(external_id=f"p{number % 20}"))
