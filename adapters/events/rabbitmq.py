"""Facts to an exchange of RabbitMQ, with publisher confirms."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.connection import Connection, make_url
from aiormq.exceptions import AMQPError

from addressee.adapters.event_loop_thread import EventLoop
from addressee.application import FactMessage, Published, SinkUnavailable

TIMEOUT = 10.0
AT_ONCE = 200
UNUSABLE = (AMQPError, OSError, TimeoutError)


class RabbitMQSink:
    """Publishes facts to a durable topic exchange; the routing key is the message's type.

    A message counts when the broker has confirmed it, and a queue has it: what no queue is bound
    for waits in the ledger. After a failure all that is not confirmed is sent again, from the first
    such message on, so consumers can see a fact twice; `Inbox` takes it once. Where a queue rejects
    a message in the middle of a batch (``reject-publish``, a lost quorum) later ones may overtake
    it; with ``at_once=1`` they can't.

    Args:
        url: of the broker, ``amqp://`` or ``amqps://``.
        exchange: its name; it is made if it is missing.
        at_once: most messages that wait for their confirm together.
        timeout: for the confirms of a batch, in seconds.
    """

    def __init__(
        self, url: str, exchange: str, *, at_once: int = AT_ONCE, timeout: float = TIMEOUT
    ) -> None:
        self._url = url
        self._name = exchange
        self._at_once = at_once
        self._timeout = timeout
        self._loop = EventLoop()
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None

    def resume(self) -> int | None:
        """Connect anew and return None: an exchange can't be asked.

        Raises:
            AMQPError, OSError, TimeoutError: the broker can't be reached.
        """
        self._loop.run(self._connect(), self._timeout)
        return None

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        """Publish messages; those before the first that failed are confirmed."""
        try:
            return self._loop.run(self._publish(messages[: self._at_once]), 2 * self._timeout)
        except UNUSABLE as error:
            return Published(0, SinkUnavailable(type(error).__name__))

    def close(self) -> None:
        """Close the connection."""
        with suppress(*UNUSABLE):
            self._loop.run(self._disconnect(), self._timeout)
        self._loop.close()

    async def _disconnect(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            with suppress(*UNUSABLE):
                await connection.close()

    async def _connect(self) -> None:
        await self._disconnect()
        # One that could not connect has to be closed too, so it is kept before it does.
        self._connection = connection = Connection(make_url(self._url))
        await connection.connect(timeout=self._timeout)
        channel = await connection.channel(on_return_raises=True)
        self._exchange = await channel.declare_exchange(
            self._name, aio_pika.ExchangeType.TOPIC, durable=True
        )

    async def _publish(self, messages: Sequence[FactMessage]) -> Published:
        if self._exchange is None:
            return Published(0, SinkUnavailable("not connected"))
        exchange = self._exchange
        confirms = [
            asyncio.ensure_future(
                exchange.publish(
                    aio_pika.Message(
                        each.content,
                        content_type="application/cloudevents+json",
                        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                        message_id=f"{each.source}:{each.id}",
                        type=each.type,
                    ),
                    each.type,
                    timeout=self._timeout,
                )
            )
            for each in messages
        ]
        outcomes = await asyncio.gather(*confirms, return_exceptions=True)
        for confirmed, outcome in enumerate(outcomes):
            if isinstance(outcome, BaseException):
                await self._disconnect()
                return Published(confirmed, SinkUnavailable(type(outcome).__name__))
        return Published(len(messages))
