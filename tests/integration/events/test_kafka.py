"""Facts to Kafka: each key in order, none lost while the broker is away (R42)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from addressee.adapters.events.inbox import Inbox
from addressee.adapters.events.kafka import KafkaSink
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.engine_factory import made_engine
from addressee.application import (
    FactMessage,
    MessageRefused,
    Published,
    Relay,
    Sinks,
    SinkUnavailable,
)
from tests.integration.events.test_brokers import live, of_ledger
from tests.integration.events.test_inbox import messages
from tests.patience import wait_until
from tests.servers.sinks.kafka import Kafka, kafka

CLOUD_EVENT = b"application/cloudevents+json; charset=UTF-8"


@pytest.fixture(scope="module")
def server() -> Iterator[Kafka]:
    with kafka() as running:
        yield running


def read(server: Kafka, topic: str, count: int) -> list[tuple[int, bytes, bytes]]:
    """Return partition, key and content of a number of messages."""
    consumer = Consumer({"bootstrap.servers": server.url, "group.id": uuid4().hex})
    # Assigned, as a group waits three seconds for more members.
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in partitions])
    found: list[tuple[int, bytes, bytes]] = []

    def all_there() -> bool:
        for each in consumer.consume(500, 0.2):
            if each.error() is None:
                found.append((each.partition() or 0, each.key() or b"", each.value() or b""))
                assert each.headers() == [("content-type", CLOUD_EVENT)]
        return len(found) >= count

    try:
        wait_until(all_there, f"{count} messages")
    finally:
        consumer.close()
    return found


def test_R42_every_fact_reaches_a_topic_with_each_key_in_order(
    server: Kafka, tmp_path: Path
) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        sinks = Sinks(store)
        relay = Relay(store, "bus", KafkaSink(server.url, "facts", timeout=1))
        live(store, 200)
        relay.catch_up()
        server.stop_answering()
        try:
            live(store, 200)
            relay.catch_up()
            status = sinks.status("bus")
            assert status.behind
            assert status.dead == 0
        finally:
            server.go_on()

        def caught_up() -> bool:
            relay.catch_up()
            return not sinks.status("bus").behind

        wait_until(caught_up, "the last fact is sent")
        relay.close()
        expected = of_ledger(store)
        # What was sent and not confirmed may be there twice; the inbox takes it once.
        found = read(server, "facts", len(expected))
        engine = made_engine(f"sqlite:///{tmp_path}/consumer.db")
        inbox = Inbox(engine, "crm")
        inbox.create()
        taken: list[tuple[int, str, str]] = []
        of_key: dict[str, list[int]] = defaultdict(list)
        partitions: dict[bytes, set[int]] = defaultdict(set)
        with engine.begin() as connection:
            for partition, key, content in found:
                partitions[key].add(partition)
                fact = inbox.receive(connection, content)
                if fact is not None:
                    taken.append((fact.position, fact.type, fact.subject))
                    of_key[fact.key].append(fact.position)
        engine.dispose()
    assert sorted(taken) == expected
    assert all(positions == sorted(positions) for positions in of_key.values())
    assert all(len(each) == 1 for each in partitions.values())
    assert len({partition for partition, _, _ in found}) > 1


def test_R42_a_broker_that_does_not_answer_confirms_nothing(server: Kafka) -> None:
    sink = KafkaSink(server.url, "silent", timeout=2)
    assert sink.publish(messages()) == Published(0, SinkUnavailable("not connected"))
    assert sink.resume() is None
    sent = messages()
    published(sink, sent[:3])
    server.stop_answering()
    try:
        late = sink.publish(sent[3:6])
    finally:
        server.go_on()
    assert (late.confirmed, type(late.problem)) == (0, SinkUnavailable)
    published(sink, sent[3:6])
    sink.close()


def published(sink: KafkaSink, sent: Sequence[FactMessage]) -> None:
    """Publish messages, again where a busy machine is too late."""

    def confirmed() -> bool:
        sink.resume()
        return sink.publish(sent) == Published(len(sent))

    wait_until(confirmed, "the broker confirms")


def test_R42_a_message_that_is_too_large_is_refused_and_those_before_it_count(
    server: Kafka,
) -> None:
    sink = KafkaSink([server.url], "small", options={"message.max.bytes": "2000"})
    sink.resume()
    first, second, third, *_ = messages()
    large = second._replace(content=b" " * 3_000)
    assert sink.publish([first, large, third]) == Published(1, MessageRefused("MSG_SIZE_TOO_LARGE"))
    sink.resume()
    assert sink.publish([third]) == Published(1)
    sink.close()
    found = {content for _, _, content in read(server, "small", 2)}
    assert found == {first.content, third.content}
