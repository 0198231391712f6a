"""The stream of a ledger, as NATS JetStream has it, read by a durable consumer."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import UTC
from typing import Any, TypeVar

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from addressee.adapters.nats_client import TIMEOUT, NatsClient
from addressee.adapters.nats_options import check_stream

from .page import Arrived

T = TypeVar("T")


class JetStreamLedger:
    """Reads the messages of one stream in order.

    Every call raises StoreUnavailable if no server can be reached; `connect` starts over then.

    Args:
        servers: URL of one server of the cluster, or of several.
        stream: the stream's name.
        timeout: for an answer of the server, in seconds.
        options: of the connection, as for `nats.connect`, such as ``user_credentials`` or ``tls``.

    Raises:
        InvalidValue: no stream or server can be named so, or credentials can't be read.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        stream: str,
        *,
        timeout: float = TIMEOUT,
        **options: Any,  # noqa: ANN401 # the driver's own
    ) -> None:
        check_stream(stream)
        self.name = stream
        self._timeout = timeout
        self._nats = NatsClient(servers, timeout, options)
        self._stream: Any = None
        self._consumer: Any = None
        self._last: Any = None

    def connect(self) -> None:
        """Connect anew, also where a connection seems to be there."""
        self._run(self._connect(), 2 * self._timeout)

    def begin(self, consumer: str, after: int) -> None:
        """Have a durable consumer go on behind a message.

        Args:
            consumer: its name; the server shows by it how far this reader is.
            after: sequence of the last message that was taken.
        """
        self._run(self._begin(consumer, after), 4 * self._timeout)

    def take(self, limit: int, seconds: float) -> list[Arrived]:
        """Return the next messages, or none after so many seconds."""
        return self._run(self._take(limit, seconds), self._timeout + seconds)

    def taken(self) -> None:
        """Tell the server that all messages that arrived so far are taken for good."""
        if self._last is not None:
            self._run(self._last.ack(), self._timeout)
            self._last = None

    def message(self, sequence: int) -> Arrived | None:
        """Return a message; None if it is not there."""
        return self._run(self._message(sequence), self._timeout)

    def ends(self) -> tuple[int, int]:
        """Return the sequences of the first message that is there and of the last one there was."""
        return self._run(self._ends(), 2 * self._timeout)

    def close(self) -> None:
        """Close the connection."""
        self._nats.close()

    def _run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        return self._nats.ask(f"the stream {self.name}", work, seconds)

    async def _connected(self) -> Any:  # noqa: ANN401 # the driver's context is untyped in parts
        if not self._is_connected:
            self._forget()
            self._stream = await self._nats.connect(allow_reconnect=False)
        return self._stream

    @property
    def _is_connected(self) -> bool:
        connection = self._nats.connection
        return connection is not None and connection.is_connected

    def _forget(self) -> None:
        """Know nothing of an earlier connection."""
        self._consumer = self._last = None

    async def _connect(self) -> None:
        await self._nats.disconnect()
        await self._connected()

    async def _begin(self, consumer: str, after: int) -> None:
        stream = await self._connected()
        with suppress(NotFoundError):
            await stream.delete_consumer(self.name, consumer)
        config = ConsumerConfig(
            durable_name=consumer,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.ALL,
        )
        await stream.add_consumer(self.name, config)
        self._consumer = await stream.pull_subscribe_bind(durable=consumer, stream=self.name)

    async def _take(self, limit: int, seconds: float) -> list[Arrived]:
        if self._consumer is None:
            raise ConnectionError
        try:
            messages: list[Any] = await self._consumer.fetch(limit, timeout=seconds)
        except TimeoutError:
            if not self._is_connected:
                raise
            return []
        if messages:
            self._last = messages[-1]
        return [
            Arrived(
                message.metadata.sequence.stream,
                message.data,
                message.metadata.timestamp.astimezone(UTC),
            )
            for message in messages
        ]

    async def _message(self, sequence: int) -> Arrived | None:
        stream = await self._connected()
        try:
            found: Any = await stream.get_msg(self.name, sequence)
        except NotFoundError:
            return None
        return Arrived(sequence, found.data or b"", found.time.astimezone(UTC))

    async def _ends(self) -> tuple[int, int]:
        stream = await self._connected()
        state = (await stream.stream_info(self.name)).state
        return state.first_seq, state.last_seq
