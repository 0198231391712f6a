"""Bounds on request bodies: bytes of one, bytes of all in memory, and the time to receive one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import Message, Receive

from ..messages.error_responses import UNAVAILABLE, Refused

BODY_LIMIT = 1 << 20
BODY_SECONDS = 30.0
MEMORY = 1 << 26
SMALL = 1 << 16
"""Bodies up to so many bytes are received however many others are in memory."""
DRAINED = 64
"""A body over the limit is read and dropped up to this multiple of the limit."""
DRAIN_PAUSE = 0.02
"""Seconds before each piece of that: what is dropped must not occupy the event loop."""


@dataclass(slots=True)
class Bodies:
    """The bounds, and the bytes of all bodies that this process has in memory.

    Args:
        limit: largest body, in bytes.
        seconds: longest time to receive a body.
        memory: most bytes of all bodies, beyond which only small ones are received.
    """

    limit: int = BODY_LIMIT
    seconds: float = BODY_SECONDS
    memory: int = MEMORY
    held: int = 0


class BoundedBody:
    """Receives one request body within the bounds.

    Args:
        receive: the server's.
        bodies: the bounds.
    """

    def __init__(self, receive: Receive, bodies: Bodies) -> None:
        self._receive = receive
        self._bodies = bodies
        self._read = 0
        self._deadline: float | None = None
        self._complete = False

    async def __call__(self) -> Message:
        """Return the next message; raises Refused if the body is over a bound."""
        if self._complete:
            return await self._receive()
        message = await self._in_time()
        size = len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        self._read += size
        self._bodies.held += size
        if self._read > self._bodies.limit:
            await self._drain()
            text = f"a body has at most {self._bodies.limit} bytes"
            raise Refused(413, "REQUEST_TOO_LARGE", text)
        if self._read > SMALL and self._bodies.held > self._bodies.memory:
            raise Refused(UNAVAILABLE, "BUSY", "too many large bodies at once; try again")
        return message

    def release(self) -> None:
        """Count the body as gone from memory."""
        self._bodies.held -= self._read
        self._read = 0

    async def _in_time(self) -> Message:
        now = asyncio.get_running_loop().time()
        self._deadline = self._deadline or now + self._bodies.seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError:
            text = f"the body did not arrive within {self._bodies.seconds:g} seconds"
            raise Refused(408, "REQUEST_TIMEOUT", text) from None

    async def _drain(self) -> None:
        """Read to the end: a client that still sends does not read the response."""
        self.release()
        dropped = 0
        while not self._complete and dropped < self._bodies.limit * DRAINED:
            await asyncio.sleep(DRAIN_PAUSE)
            message = await self._in_time()
            dropped += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
