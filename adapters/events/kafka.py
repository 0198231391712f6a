"""Facts to a topic of Kafka, with an idempotent producer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from addressee.application import FactMessage, MessageRefused, Published, SinkUnavailable

TIMEOUT = 10.0
AT_ONCE = 500
"""Most messages that wait for their confirmation together."""
HEADERS: list[tuple[str, str | bytes | None]] = [
    ("content-type", "application/cloudevents+json; charset=UTF-8")
]
"""Of the structured mode of CloudEvents' Kafka binding, 1.0.2, section 3.3."""
UNSENT = KafkaError(KafkaError._MSG_TIMED_OUT)  # noqa: SLF001 # librdkafka's own errors are named so


class KafkaSink:
    """Publishes facts to a topic; the key of a message is its ``partitionkey``.

    A message counts when all replicas that are in sync have it. A partition has the facts of its
    keys in order, and a topic with one partition all of them. After a failure all that is not
    confirmed is sent again, from the first such message on, so consumers can see a fact twice;
    `Inbox` takes it once.

    Args:
        servers: one or more to begin with, such as ``kafka-1:9092``.
        topic: its name; the brokers have it, or make it themselves.
        options: further settings of librdkafka, such as ``security.protocol``
            (https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md).
        timeout: for the confirmations of a batch, in seconds.
        logger: receives what librdkafka says of its connections; no contents.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        topic: str,
        *,
        options: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
        logger: logging.Logger | None = None,
    ) -> None:
        listed = servers if isinstance(servers, str) else ",".join(servers)
        self._settings = {
            **(options or {}),
            "bootstrap.servers": listed,
            "enable.idempotence": True,  # and with it acks=all, and order within a partition
            "delivery.timeout.ms": int(timeout * 1000),
            "linger.ms": 5,
        }
        self._topic = topic
        self._timeout = timeout
        self._logger = logger or logging.getLogger("addressee.kafka")
        self._producer: Producer | None = None

    def resume(self) -> int | None:
        """Begin with a new producer and return None: partitions hold parts of the facts.

        Raises:
            KafkaException: a setting is wrong.
        """
        self.close()
        self._producer = Producer(self._settings, logger=self._logger)
        return None

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        """Publish messages; those before the first that failed are confirmed."""
        if self._producer is None:
            return Published(0, SinkUnavailable("not connected"))
        batch = messages[:AT_ONCE]
        outcomes: list[KafkaError | None] = [UNSENT] * len(batch)

        def note(number: int, error: KafkaError | None, _: Message) -> None:
            outcomes[number] = error

        for number, each in enumerate(batch):
            try:
                self._producer.produce(
                    self._topic,
                    each.content,
                    each.key,
                    on_delivery=partial(note, number),
                    headers=HEADERS,
                )
            except KafkaException as error:
                outcomes[number] = error.args[0]
                break  # what follows would overtake it
        self._producer.flush(self._timeout)
        for confirmed, failed in enumerate(outcomes):
            if failed is not None:
                return Published(confirmed, problem_of(failed))
        return Published(len(batch))

    def close(self) -> None:
        """Give up what is not confirmed, and close the connections."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(0)


def problem_of(error: KafkaError) -> MessageRefused | SinkUnavailable:
    """Return what the relay does with the first message that failed."""
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return MessageRefused(error.name())
    return SinkUnavailable(error.name())
