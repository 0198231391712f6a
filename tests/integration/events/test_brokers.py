"""Facts through real brokers that are killed, as the relay is: none lost, none twice, in order."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import aio_pika
import nats
import pytest
from aio_pika.connection import Connection, make_url
from nats.errors import Error
from redis import Redis
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, insert, select

from addressee.adapters.events.inbox import Inbox
from addressee.adapters.events.jetstream import JetStreamSink
from addressee.adapters.events.rabbitmq import RabbitMQSink
from addressee.adapters.events.redis_stream import RedisStreamSink
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.engine_factory import made_engine
from addressee.application import (
    Call,
    EventSink,
    Identity,
    Personalization,
    Relay,
    Sinks,
    bulk,
)
from tests.forked import forked
from tests.patience import PATIENCE, wait_until
from tests.servers.sinks.brokers import Broker

ROWS = Table(
    "facts",
    MetaData(),
    Column("n", Integer, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("type", String(100), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("person", String(300), nullable=False),
)
RELAY = """
import sys
from threading import Event
from addressee.adapters.sql import SqlStore
from addressee.application import Relay
from tests.integration.events.test_brokers import KINDS

kind, url, store = sys.argv[1:]
Relay(SqlStore(store), "bus", KINDS[kind].sink(url), page=100, lease=1).run(Event())
"""
Take = Callable[[list[bytes]], Awaitable[None]]


async def from_nats(url: str, take: Take) -> None:
    client = await nats.connect(url)
    stream = client.jetstream()
    count: int = (await stream.stream_info("EVENTS")).state.messages or 0
    for durable in ("crm", "again"):  # every message comes twice
        consumer = await stream.pull_subscribe("addressee.>", durable)
        left = count
        while left:
            found = await consumer.fetch(min(left, 200), timeout=10)
            await take([message.data for message in found])
            for message in found:
                await message.ack()
            left -= len(found)
    await client.close()


async def from_rabbitmq(url: str, take: Take) -> None:
    connection = Connection(make_url(url))
    try:
        await connection.connect()
    except BaseException:
        await connection.close()
        raise
    channel = await connection.channel()
    queue = await channel.declare_queue("crm", durable=True, arguments={"x-queue-type": "quorum"})
    exchange = await channel.declare_exchange("events", aio_pika.ExchangeType.TOPIC, durable=True)
    await queue.bind(exchange, "#")
    while (message := await queue.get(fail=False, timeout=10)) is not None:
        await take([message.body])
        await message.ack()
    await connection.close()


async def from_redis(url: str, take: Take) -> None:
    with closing(Redis.from_url(url)) as client:
        entries: Any = client.xrange("events")
        await take([fields[b"event"] for _, fields in [*entries, *entries]])


class Kind(NamedTuple):
    """A sink for a broker, and how a consumer reads what the broker has."""

    sink: Callable[[str], EventSink]
    consume: Callable[[str, Take], Awaitable[None]]


KINDS = {
    "nats": Kind(lambda url: JetStreamSink(url, "EVENTS"), from_nats),
    "rabbitmq": Kind(lambda url: RabbitMQSink(url, "events"), from_rabbitmq),
    "redis": Kind(lambda url: RedisStreamSink(url, "events"), from_redis),
}
ALL = [
    "nats",
    pytest.param("rabbitmq", marks=[pytest.mark.rabbitmq, pytest.mark.every_case]),
    pytest.param("redis", marks=[pytest.mark.redis, pytest.mark.every_case]),
]


@pytest.fixture(params=ALL)
def running(request: pytest.FixtureRequest) -> tuple[str, Broker]:
    """Return a broker of each kind with its name."""
    return request.param, request.getfixturevalue(f"{request.param}_broker")


def live(store: SqlStore, facts: int) -> None:
    """Have persons sign in on devices of others until so many facts more are recorded."""
    people, end = Personalization(store), store.last() + facts
    while (n := store.last()) < end:
        devices = range(n, n + 20)
        bulk(people, [call for each in devices for call in (registered(each), signed_in(each))])


def registered(n: int) -> Call:
    return lambda people: people.register("shop", installation=f"d{n % 50}", app_version=str(n))


def signed_in(n: int) -> Call:
    identity = Identity(external_id=f"p{n % 37}")
    return lambda people: people.personalize(
        f"d{n % 50}", identity, force_depersonalize=True, set_primary=True
    )


def consumed(kind: Kind, url: str, engine: Engine) -> None:
    """Take all that a broker has into a table, as a consumer of two services would."""
    inbox = Inbox(engine, "crm")
    inbox.create()
    ROWS.metadata.create_all(engine)

    async def take(contents: list[bytes]) -> None:
        with engine.begin() as connection:
            facts = [inbox.receive(connection, content) for content in contents]
            rows = [
                {"position": f.position, "type": f.type, "subject": f.subject, "person": f.key}
                for f in facts
                if f is not None
            ]
            if rows:
                connection.execute(insert(ROWS), rows)

    asyncio.run(until_up(lambda: kind.consume(url, take)))


async def until_up(work: Callable[[], Awaitable[None]]) -> None:
    """Await a coroutine, again while the broker starts."""
    for _ in range(2 * PATIENCE):
        try:
            await work()
        except (OSError, Error, aio_pika.exceptions.AMQPError):
            await asyncio.sleep(0.5)
        else:
            return
    raise TimeoutError


def of_ledger(store: SqlStore) -> list[tuple[int, str, str]]:
    """Return position, type and subject of every fact, as its stream says."""
    with store.reading() as view:
        events = view.events(0, 1_000_000)
    return [
        (position, f"{event.TOPIC}.v1", event.originator_id)
        for position, event in events
        if event.at_home and event.HOME in {"installation", "person"}
    ]


def test_R42_broker_and_relay_are_killed_and_every_fact_comes_once_in_order(
    running: tuple[str, Broker], tmp_path: Path, long: bool
) -> None:
    name, server = running
    kind, url = KINDS[name], f"sqlite:///{tmp_path}/ledger.db"
    chance = random.Random(11)  # noqa: S311 # a test that repeats itself
    rounds, facts = (10, 2_700) if long else (2 - (name == "rabbitmq"), 300)  # it starts slowly
    if name == "rabbitmq":
        asyncio.run(until_up(lambda: from_rabbitmq(server.url, drop)))  # binds a queue
        if long:
            # A quorum queue that is killed before never has a leader again, and confirms nothing.
            wait_until(lambda: on_disk("crm", server), "the queue's name is on the disk")
    with SqlStore(url) as store:
        for n in range(rounds):
            before = sent(store)
            relay = forked("-c", RELAY, name, server.url, url)
            live(store, facts)
            wait_until(lambda: sent(store) > before, "a confirmed message")  # noqa: B023 # asked at once
            time.sleep(chance.random() * 0.2)
            # Where RabbitMQ notes its queues is its own affair, and it starts in six seconds.
            if n % 2 == 0 and (long or name != "rabbitmq"):
                server.kill()
                live(store, facts)
                server.start()
            relay.kill()
            relay.wait()
        last = Relay(store, "bus", kind.sink(server.url), lease=0.0)

        def caught_up() -> bool:
            last.catch_up()
            return not Sinks(store).status("bus").behind

        wait_until(caught_up, "the last fact is sent")
        last.close()
        engine = made_engine(f"sqlite:///{tmp_path}/consumer.db")
        consumed(kind, server.url, engine)
        with engine.connect() as connection:
            rows = connection.execute(select(ROWS).order_by(ROWS.c.n)).all()
        engine.dispose()
        assert [(row.position, row.type, row.subject) for row in rows] == of_ledger(store)
        assert len(rows) > (20_000 if long else rounds * facts / 3)


def on_disk(queue: str, server: Broker) -> bool:
    """Return whether RabbitMQ has written which of its logs is the quorum queue's."""
    names = server.folder.glob("mnesia/*/quorum/*/names.dets")
    return any(queue.encode() in each.read_bytes() for each in names)


async def drop(_: list[bytes]) -> None:
    """Take messages for nobody."""


def sent(store: SqlStore) -> int:
    """Return how many messages were confirmed."""
    return sum(each.sent for each in Sinks(store).all())
