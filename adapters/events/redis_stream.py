"""Facts to a Redis stream (https://redis.io/docs/latest/develop/data-types/streams)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError

from addressee.application import FactMessage, Published, SinkUnavailable

TIMEOUT = 10.0
APPEND = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if (last[1] and last[1][1] or '') ~= ARGV[1] then return false end
local id = false
for i = 3, #ARGV, 2 do
  id = redis.call('XADD', KEYS[1], '*', 'reached', ARGV[i], 'event', ARGV[i + 1])
end
if tonumber(ARGV[2]) > 0 then redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[2]) end
return id
"""
"""Adds a batch as a whole, if the stream's last entry is the expected one."""


class RedisStreamSink:
    """Adds facts to a stream, a batch at once or not at all.

    A batch names the entry that it must follow, so the stream has each fact once, in order, and of
    two relays only one writes. An entry has the fields ``event``, a CloudEvent, and ``reached``,
    the position up to which all facts are in the stream. Nobody else may add to it.

    What Redis has confirmed survives its crash as far as its ``appendfsync`` says.

    Args:
        url: of the server, such as ``redis://localhost:6379/0``.
        stream: the stream's key.
        keep: about how many entries the stream keeps; 0 for all.
        timeout: for an answer, in seconds.
    """

    def __init__(self, url: str, stream: str, *, keep: int = 0, timeout: float = TIMEOUT) -> None:
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] # untyped options
            url, socket_timeout=timeout, socket_connect_timeout=timeout, decode_responses=True
        )
        self._append = self._redis.register_script(APPEND)
        self._stream = stream
        self._keep = keep
        self._last = ""

    def resume(self) -> int | None:
        """Return how far the stream is; raises RedisError."""
        found = cast("list[Any]", self._redis.xrevrange(self._stream, count=1))
        if not found:
            self._last = ""
            return None
        self._last, fields = found[0]
        return int(fields["reached"]) if "reached" in fields else None

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        """Add messages to the stream: all or none."""
        entries = [part for each in messages for part in (each.reached, each.content)]
        try:
            last = self._append([self._stream], [self._last, self._keep, *entries])
        except RedisError as error:
            return Published(0, SinkUnavailable(type(error).__name__))
        if not last:
            return Published(0, SinkUnavailable("somebody else writes to the stream"))
        self._last = cast("str", last)
        return Published(len(messages))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()
