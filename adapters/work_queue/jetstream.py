"""Tickets for batches in a work queue of NATS JetStream."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

from nats.aio.client import DEFAULT_RECONNECT_TIME_WAIT
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from addressee.adapters.nats_client import TIMEOUT, UNUSABLE, NatsClient
from addressee.adapters.nats_options import check_stream
from addressee.domain import StoreUnavailable

T = TypeVar("T")
AHEAD = 64
"""Most tickets of a dispatch: so many batches of it are on their way at once."""
CONNECTING = 1.0
"""Seconds that the first call waits for a connection; it goes on being made, and later calls wait
no longer for it than for a ticket."""
SILENT = 2
"""Seconds after which a server is asked for a sign of life; the third time without one, the
connection counts as lost: the network may be cut, or the server stopped. The driver waits for
minutes."""
MOMENT = 0.1
FURTHER = 2
"""Tickets that a batch brings about: idle workers get theirs after a few batches."""

ENOUGH = "per subject"
"""What the server's refusal has where a dispatch has as many tickets as the queue takes of it. The
code is the same where the stream or the disk is full."""


class JetStreamQueue:
    """A stream that gives each ticket to one worker, and to another one if that is gone.

    Each dispatch has a subject of its own, of which the stream takes so many tickets and no more.
    A consumer for each application of a store gives them out, so workers that serve others do not
    get them.

    Args:
        servers: URL of one server of the cluster, or of several.
        stream: the queue's name; it is made if it is missing.
        lease: seconds without a sign of life after which a ticket goes to another worker.
        replicas: how many servers of a cluster have the queue, where it is made here.
        timeout: for an answer of the server, in seconds.
        options: of the connection, as for `nats.connect`.

    Raises:
        InvalidValue: no stream can have that name.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        stream: str = "ADDRESSEE_DISPATCHES",
        *,
        lease: float = 15.0,
        replicas: int = 1,
        timeout: float = TIMEOUT,
        **options: Any,  # noqa: ANN401 # the driver's own
    ) -> None:
        check_stream(stream)
        self._name = stream
        self._lease = lease
        self._replicas = replicas
        self._timeout = timeout
        self._nats = NatsClient(servers, timeout, options)
        self._pause: float = options.get("reconnect_time_wait", DEFAULT_RECONNECT_TIME_WAIT)
        self._stream: Any = None
        self._consumers: dict[tuple[str, str], Any] = {}
        self._opening: asyncio.Task[Any] | None = None

    def offer(self, store: str, application: str, dispatch: str) -> None:
        """Have a ticket be there; more than the queue takes of a dispatch are dropped.

        Raises:
            StoreUnavailable: the queue can't be reached, or takes none, as where it is full.
        """
        self._run(self._offer(store, application, dispatch), 4 * self._timeout)

    def take(self, store: str, seconds: float) -> JetStreamTicket | None:
        """Return a store's next ticket of the applications that tickets were offered of."""
        return self._run(self._take(store, seconds), self._timeout + seconds)

    def close(self) -> None:
        """Close the connection."""
        self._nats.close()

    def publish(self, subject: str, count: int) -> None:
        """Add tickets of a dispatch, without waiting for them to be there."""
        self.tell(self._publish(subject, count))

    def tell(self, work: Coroutine[Any, Any, object]) -> None:
        """Tell the server something; if it does not hear it, the ticket is delivered again."""
        with suppress(StoreUnavailable):
            self._run(work, self._timeout)

    def _run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        return self._nats.ask(f"the queue {self._name}", work, seconds)

    async def _connected(self) -> Any:  # noqa: ANN401 # the driver's context is untyped in parts
        if self._stream is not None and self._nats.connection.is_connected:
            return self._stream
        first = self._opening is None or self._opening.done()
        if self._opening is None or first:
            self._stream = None
            self._consumers.clear()
            self._opening = asyncio.ensure_future(self._open())
            self._opening.add_done_callback(looked_at)
        opening = self._opening
        await asyncio.wait({opening}, timeout=CONNECTING if first else MOMENT)
        if not opening.done():
            raise TimeoutError
        return opening.result()

    async def _open(self) -> Any:  # noqa: ANN401 # likewise
        stream = await self._greeted()
        try:
            await stream.stream_info(self._name)
        except NotFoundError:
            await stream.add_stream(
                name=self._name,
                subjects=[f"{self._name}.>"],
                retention=RetentionPolicy.WORK_QUEUE,
                discard=DiscardPolicy.NEW,
                discard_new_per_subject=True,
                max_msgs_per_subject=AHEAD,
                num_replicas=self._replicas,
            )
        self._stream = stream
        return stream

    async def _greeted(self) -> Any:  # noqa: ANN401 # likewise
        """Connect, however long it takes, with the driver's pause between attempts.

        The driver can do that too, but leaves the sockets of a server open that says nothing.
        """
        while True:
            with suppress(*UNUSABLE):
                return await self._nats.connect(allow_reconnect=False, ping_interval=SILENT)
            await asyncio.sleep(self._pause)

    async def _publish(self, subject: str, count: int) -> None:
        await self._connected()
        for _ in range(count):
            await self._nats.connection.publish(subject, b"")

    async def _offer(self, store: str, application: str, dispatch: str) -> None:
        stream = await self._connected()
        # A code may be longer than the name of a consumer, and have any characters.
        token = blake2b(application.encode(), digest_size=16).hexdigest()
        place = store, token
        if place not in self._consumers:
            durable = f"{store}-{token}"
            config = ConsumerConfig(
                durable_name=durable,
                filter_subject=f"{self._name}.{store}.{token}.*",
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=self._lease,
            )
            await stream.add_consumer(self._name, config)
            bound = await stream.pull_subscribe_bind(durable=durable, stream=self._name)
            self._consumers[place] = bound
        try:
            wait = min(self._timeout, SILENT)
            await stream.publish(f"{self._name}.{store}.{token}.{dispatch}", timeout=wait)
        except (APIError, NoStreamResponseError) as error:
            if ENOUGH not in str(error):
                problem = f"the queue {self._name} takes no ticket: {error}"
                raise StoreUnavailable(problem) from None

    async def _take(self, store: str, seconds: float) -> JetStreamTicket | None:
        await self._connected()
        mine = [each for each in self._consumers.items() if each[0][0] == store]
        if not mine:
            await asyncio.sleep(seconds)  # as long as a consumer would wait
        for place, consumer in mine:
            try:
                [message] = await consumer.fetch(1, timeout=seconds / len(mine))
            except TimeoutError:
                continue
            self._consumers[place] = self._consumers.pop(place)  # others come first next time
            # The subject names the dispatch, so nothing of the content can be malformed.
            return JetStreamTicket(self, message, str(message.subject).rpartition(".")[2])
        return None


@dataclass(frozen=True, slots=True)
class JetStreamTicket:
    """A message of the queue."""

    queue: JetStreamQueue
    message: Any
    dispatch: str

    def taken(self) -> None:
        """Add tickets, so that further batches leave meanwhile."""
        self.queue.publish(self.message.subject, FURTHER)

    def alive(self) -> None:
        """Have the server wait for another lease."""
        self.queue.tell(self.message.in_progress())

    def later(self, seconds: float) -> None:
        """Have the server deliver it again."""
        self.queue.tell(self.message.nak(delay=seconds))

    def done(self) -> None:
        """Remove it from the queue."""
        self.queue.tell(self.message.ack())


def looked_at(opening: asyncio.Task[Any]) -> None:
    """Fetch an error that no caller waits for any more, which asyncio would log."""
    if not opening.cancelled():
        opening.exception()
