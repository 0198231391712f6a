"""Facts relayed to NATS JetStream, beside each published and acknowledged before the next.

Both sides read the same ledger on SQLite and make the same messages. Most of the other side's time
is waiting, so both are measured by the clock on the wall.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import nats

from addressee.adapters.events import HandlerSink
from addressee.adapters.events.event_loop import EventLoop
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
from tests.servers.brokers import Nats, broker

DEVICES = 2_000
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
