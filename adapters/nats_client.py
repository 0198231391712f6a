"""A connection to NATS JetStream, for callers of any thread."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import NotFoundError

from addressee.domain import InvalidValue, StoreUnavailable

from .event_loop_thread import EventLoop
from .nats_options import check_credentials, checked_servers

T = TypeVar("T")
TIMEOUT = 10.0
UNUSABLE = (Error, OSError, TimeoutError)
"""What a call raises where no server can be reached, or none answers in time."""
NO_STREAM = 10059
"""The server's code for a stream that is not there."""


class NatsClient:
    """One connection at a time, and the event loop that its coroutines run in.

    Args:
        servers: URL of one server of the cluster, or of several.
        timeout: for an answer of the server, in seconds.
        options: of the connection, as for `nats.connect`.

    Attributes:
        connection: the driver's client; None while there is none.
        timeout: as given.

    Raises:
        InvalidValue: a URL is none of NATS, or ``user_credentials`` names a file that has none.
    """

    def __init__(
        self, servers: str | Sequence[str], timeout: float, options: Mapping[str, Any]
    ) -> None:
        self.connection: Any = None  # the driver's context is untyped in parts
        self.timeout = timeout
        self._servers = checked_servers(servers)
        self._options = options
        check_credentials(options)
        self._loop = EventLoop()

    async def connect(self, **options: Any) -> Any:  # noqa: ANN401 # likewise
        """Connect anew and return the driver's JetStream context; options that were given win."""
        await self.disconnect()
        try:
            check_credentials(self._options)  # the driver reads without end what has none
        except InvalidValue as error:
            raise ConnectionError(str(error)) from None
        connection: Any = Client()
        try:
            await connection.connect(
                self._servers, **{"error_cb": ignore, **options, **self._options}
            )
        except BaseException:
            # The driver leaves the socket open of a server that did not greet it.
            if connection.is_connecting:
                await close(connection)
            raise
        self.connection = connection
        return connection.jetstream(timeout=self.timeout)

    async def disconnect(self) -> None:
        """Close the connection, if there is one."""
        connection, self.connection = self.connection, None
        if connection is not None:
            await close(connection)

    def run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Return what a coroutine returns; raises one of `UNUSABLE`, within so many seconds."""
        return self._loop.run(work, seconds)

    def ask(self, asked: str, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Return the same; raises StoreUnavailable, which names what was asked."""
        try:
            return self.run(work, seconds)
        except UNUSABLE as error:
            problem = f"{asked} can't be reached: {type(error).__name__}"
            if isinstance(error, NotFoundError) and error.err_code == NO_STREAM:
                problem = f"there is no {asked.removeprefix('the ')}"
            raise StoreUnavailable(problem) from None

    def close(self) -> None:
        """Close the connection and end the loop."""
        self._loop.end_tasks()  # one of them may connect, and have a connection after all
        with suppress(*UNUSABLE):
            self.run(self.disconnect(), self.timeout)
        self._loop.close()


async def ignore(_: Exception) -> None:
    """Leave an error of the connection to those who wait for it."""


async def close(connection: Client) -> None:
    """Close a connection, whether it is lost or not."""
    # From Python 3.12 on, asyncio raises it where a connection that is lost is written to.
    with suppress(TypeError):
        await connection.close()
