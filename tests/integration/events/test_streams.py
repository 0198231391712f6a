"""What sinks do with a second relay, a lost answer, and what can't be taken (R42)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import nats
import pytest

from addressee.adapters.events.jetstream import JetStreamSink
from addressee.adapters.events.rabbitmq import RabbitMQSink
from addressee.adapters.events.redis_stream import RedisStreamSink
from addressee.application import EventSink, MessageRefused, Published, SinkUnavailable
from tests.integration.events.test_inbox import messages
from tests.patience import PATIENCE, wait_until
from tests.servers.sinks.brokers import Broker

Make = Callable[[], EventSink]


def jetstream(url: str) -> EventSink:
    return JetStreamSink(url, "FENCED", "fenced", timeout=PATIENCE)


def redis_stream(url: str) -> EventSink:
    return RedisStreamSink(url, "fenced", timeout=PATIENCE)


@pytest.fixture(
    params=[
        ("nats_broker", jetstream),
        pytest.param(("redis_broker", redis_stream), marks=pytest.mark.redis),
    ],
    ids=["nats", "redis"],
)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Return what makes a sink on one stream, and closes all of them at the end."""
    name, sink = request.param
    url: str = request.getfixturevalue(name).url
    made: list[EventSink] = []

    def new() -> EventSink:
        made.append(sink(url))
        return made[-1]

    yield new
    for each in made:
        each.close()


def test_R42_a_stream_takes_one_relay_and_tells_what_it_has(make: Make) -> None:
    sent = messages()
    one, other = make(), make()
    assert one.resume() is None
    assert other.resume() is None
    assert one.publish(sent[:5]) == Published(5)
    late = other.publish(sent[:5])
    assert late.confirmed == 0
    assert isinstance(late.problem, SinkUnavailable)
    assert other.resume() == sent[4].position
    assert other.publish(sent[5:6]).confirmed == 1
    assert other.publish(sent[6:9]).confirmed == 3
    assert one.publish(sent[5:9]).confirmed == 0
    assert one.resume() == sent[8].position
    again = sent[0]._replace(reached=sent[8].position)
    assert one.publish([again]).confirmed == 1
    assert make().resume() == sent[8].position


def test_R42_a_message_that_a_stream_never_takes_is_found_and_refused(
    nats_broker: Broker,
) -> None:
    small, large, *_ = messages()
    large = large._replace(content=b" " * 2_000)
    asyncio.run(stream_of_small_messages(nats_broker))
    sink = JetStreamSink(nats_broker.url, "SMALL", "small")
    sink.resume()
    together = sink.publish([small, large])
    assert (together.confirmed, type(together.problem)) == (0, SinkUnavailable)
    assert sink.resume() == small.position
    alone = sink.publish([large])
    assert (alone.confirmed, type(alone.problem)) == (0, MessageRefused)
    sink.close()


async def stream_of_small_messages(server: Broker) -> None:
    client: Any = await nats.connect(server.url)  # pyright: ignore[reportUnknownMemberType] # untyped options
    options = {"subjects": ["small.>"], "max_msg_size": 1_000}
    await client.jetstream().add_stream(name="SMALL", **options)
    await client.close()


@pytest.mark.rabbitmq
@pytest.mark.every_case
def test_R42_what_no_queue_takes_waits(rabbitmq_broker: Broker) -> None:
    sink = RabbitMQSink(rabbitmq_broker.url, "nowhere")

    def connected() -> bool:
        with suppress(OSError):  # it listens a moment before it answers
            sink.resume()
            return True
        return False

    wait_until(connected, "a connection", pause=0.5)
    published = sink.publish(messages())
    assert published.confirmed == 0
    assert isinstance(published.problem, SinkUnavailable)
    sink.close()
