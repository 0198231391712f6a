"""A server that takes connections and does not greet as a broker does: none of them stays open."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest
from aiormq.exceptions import AMQPError
from nats.errors import Error

from addressee.adapters.events.jetstream import JetStreamSink
from addressee.adapters.events.rabbitmq import RabbitMQSink
from addressee.adapters.following.jetstream_consumer import JetStreamLedger
from addressee.adapters.work_queue.jetstream import JetStreamQueue
from addressee.domain import StoreUnavailable

PATIENCE = 0.5
"""Seconds that a client waits for an answer."""
MADE: dict[type, tuple[Callable[[str], Any], Callable[[Any], object]]] = {
    JetStreamSink: (
        lambda place: JetStreamSink(f"nats://{place}", "FACTS", timeout=PATIENCE),
        lambda client: client.resume(),
    ),
    RabbitMQSink: (
        lambda place: RabbitMQSink(f"amqp://{place}", "facts", timeout=PATIENCE),
        lambda client: client.resume(),
    ),
    JetStreamLedger: (
        lambda place: JetStreamLedger(f"nats://{place}", "LEDGER", timeout=PATIENCE),
        lambda client: client.begin("follower", 0),
    ),
    JetStreamQueue: (
        lambda place: JetStreamQueue(f"nats://{place}", timeout=PATIENCE),
        lambda client: client.offer("store", "app", "dispatch"),
    ),
}
"""How a client is made, and what it does first."""


class Stranger:
    """A server that says one thing, and nothing after it."""

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place = "{}:{}".format(*self._listener.getsockname())
        self.connections: list[socket.socket] = []
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections.append(connection)
                connection.sendall(self._greeting)

    def close(self) -> None:
        """Close all."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in (self._listener, *self.connections):
            each.close()


@pytest.fixture(params=[b"", b"220 mail.example ESMTP\r\n"], ids=["silent", "of mail"])
def stranger(request: pytest.FixtureRequest) -> Iterator[Stranger]:
    server = Stranger(request.param)
    yield server
    server.close()


@pytest.mark.parametrize("kind", MADE)
def test_a_server_that_is_no_broker_keeps_no_connection(stranger: Stranger, kind: type) -> None:
    make, ask = MADE[kind]
    client = make(stranger.place)
    try:
        with pytest.raises((StoreUnavailable, AMQPError, Error, OSError, TimeoutError)):
            ask(client)
    finally:
        client.close()
    assert stranger.connections
    for connection in stranger.connections:
        assert ended(connection), "the client left a connection open"


def ended(connection: socket.socket) -> bool:
    """Return whether the other side closes a connection within two seconds."""
    connection.settimeout(2)
    try:
        while connection.recv(1024):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    return True
