"""Sockets of pooled connections, to end calls that wait for a server that says nothing."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from threading import Lock
from typing import Any

from sqlalchemy import Engine, event


class Sockets:
    """Knows the socket of each connection of an engine.

    Args:
        engine: of psycopg's, which has no connection yet.
    """

    def __init__(self, engine: Engine) -> None:
        self._error = engine.dialect.loaded_dbapi.Error
        self._begin()
        event.listen(engine, "connect", self.opened)
        event.listen(engine, "close", self.closed)

    def _begin(self) -> None:
        self._lock = Lock()
        self._open: dict[Any, socket.socket] = {}
        """Connection → its socket under a number of ours: the driver's own may be closed by its
        thread at any time, and then be the number of another one's socket."""

    def opened(self, raw: Any, _: object) -> None:  # noqa: ANN401 # a driver's own type
        """Note a connection."""
        with self._lock, suppress(OSError, self._error):
            self._open[raw] = socket.socket(fileno=os.dup(raw.fileno()))

    def closed(self, raw: Any, _: object) -> None:  # noqa: ANN401 # likewise
        """Forget a connection."""
        with self._lock:
            if (own := self._open.pop(raw, None)) is not None:
                own.close()

    def hang_up(self) -> None:
        """End all connections."""
        with self._lock:
            for own in self._open.values():
                with suppress(OSError):  # the server has ended it already
                    own.shutdown(socket.SHUT_RDWR)

    def forked(self) -> list[Any]:
        """Return the connections that are the other process's, and begin without."""
        inherited = [*self._open]
        for own in self._open.values():
            own.close()
        self._begin()
        return inherited
