"""Facts relayed to NATS JetStream, beside each published and acknowledged before the next.

Both sides read the same ledger on SQLite and make the same messages. Most of the other side's time
is waiting, so both are measured by the clock on the wall. So are commands while the broker is away,
beside commands while it is there: nobody waits for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from threading import Event
from time import perf_counter
from typing import Any

import nats

from addressee.adapters.event_loop_thread import EventLoop
from addressee.adapters.events import HandlerSink
from addressee.adapters.events.jetstream import JetStreamSink
from addressee.adapters.sql import SqlStore
from addressee.application import (
    Call,
    EventSink,
    FactMessage,
    Identity,
    Personalization,
    Published,
    Relay,
    Sinks,
    bulk,
)
from tests.benchmarks.report import Figure
from tests.servers.sinks.brokers import Nats, broker

DEVICES = 2_000
COMMANDS = 1_000
ROUNDS = 3
NUMBERS = count(1)


class OneByOne:
    """Publishes each message and waits for its acknowledgement."""

    def __init__(self, url: str, stream: str) -> None:
        self._loop = EventLoop()
        self._loop.run(self._connect(url, stream), 10)

    async def _connect(self, url: str, stream: str) -> None:
        self._client: Any = await nats.connect(url)  # pyright: ignore[reportUnknownMemberType] # untyped options
        self._stream = self._client.jetstream()
        await self._stream.add_stream(name=stream, subjects=[f"{stream}.>"])
        self._subject = f"{stream}.fact"

    def resume(self) -> int | None:
        return None

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        self._loop.run(self._publish(messages), 600)
        return Published(len(messages))

    async def _publish(self, messages: Sequence[FactMessage]) -> None:
        for message in messages:
            headers = {"Nats-Msg-Id": message.id}
            await self._stream.publish(self._subject, message.content, headers=headers)

    def close(self) -> None:
        self._loop.run(self._client.close(), 10)
        self._loop.close()


def figures() -> Iterator[Figure]:
    with (
        broker(Nats) as server,
        tempfile.TemporaryDirectory() as folder,
        SqlStore(f"sqlite:///{Path(folder)}/ledger.db") as store,
    ):
        fill(store)

        def ours() -> float:
            name = f"O{next(NUMBERS)}"
            return relayed(store, name, JetStreamSink(server.url, name, name))

        def other() -> float:
            name = f"T{next(NUMBERS)}"
            return relayed(store, name, OneByOne(server.url, name))

        def unsent() -> float:
            return relayed(store, f"U{next(NUMBERS)}", HandlerSink(lambda _: None))

        yield Figure("relay to JetStream beside one by one", *in_turn(ours, other), 5)
        yield Figure("read, and sent nowhere, beside that", *in_turn(unsent, ours), None)
        with relaying(store, JetStreamSink(server.url, "EVENTS", timeout=2)):
            people = Personalization(store)
            commands(people)

            def away() -> float:
                server.kill()
                seconds = commands(people)
                server.start()
                return seconds

            taken = in_turn(away, lambda: commands(people))
            yield Figure("commands without the broker, beside with", *taken, 0.9)


@contextmanager
def relaying(store: SqlStore, sink: EventSink) -> Generator[None]:
    """Relay in a thread until the block ends."""
    stop, relay = Event(), Relay(store, "bus", sink)
    with ThreadPoolExecutor(1) as threads, closing(relay):
        running = threads.submit(relay.run, stop)
        yield
        stop.set()
        relay.wake()
        running.result()


def commands(people: Personalization) -> float:
    """Have new devices register and sign somebody in; return the seconds a command."""
    start = perf_counter()
    for number in range(COMMANDS // 2):
        device = people.register("shop").installation
        people.personalize(device, Identity(external_id=f"p{number % 20}"))
    return (perf_counter() - start) / COMMANDS


def fill(store: SqlStore) -> None:
    people = Personalization(store)
    for start in range(0, DEVICES, 500):
        numbers = range(start, min(start + 500, DEVICES))
        bulk(people, [register(n) for n in numbers])
        bulk(people, [login(n) for n in numbers])


def register(number: int) -> Call:
    return lambda people: people.register("shop", installation=f"d{number}")


def login(number: int) -> Call:
    return lambda people: people.personalize(f"d{number}", Identity(external_id=f"p{number}"))


def relayed(store: SqlStore, name: str, sink: EventSink) -> float:
    """Relay the whole ledger; return the seconds a fact."""
    relay = Relay(store, name, sink)
    relay._ask()  # connects
    start = perf_counter()
    relay.catch_up()
    seconds = perf_counter() - start
    relay.close()
    status = Sinks(store).status(name)
    assert status.behind == 0
    return seconds / status.sent


def in_turn(ours: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """Return the medians of both, taken in turn so that both drift alike."""
    taken = [(ours(), other()) for _ in range(ROUNDS)]
    return median(each for each, _ in taken), median(each for _, each in taken)
