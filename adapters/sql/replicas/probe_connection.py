"""A connection apart from the pool, by which a server is asked within a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from addressee.domain import StoreUnavailable

from ..engine.database import Database
from ..engine.dialects.postgresql_replication import ask, ask_identity
from ..engine.fork import renew_after_fork


class Silent(Exception):
    """A server does not answer, or not in time."""


class Probe:
    """Asks one server; connects when it has to. Not for several threads.

    Args:
        engine: of the server, whose pooled connections may all hang.
        primary: tells the epochs of the server, if it is to be a primary.

    Attributes:
        epoch: the one in which a primary answered last.
    """

    def __init__(self, engine: Engine, primary: Database | None = None) -> None:
        self._engine = engine
        self._database = primary
        self._raw: Any = None
        self.epoch = 0

    def ask(self, text: str, seconds: float) -> Sequence[bytes | None]:
        """Return a query's one row; raises Silent."""
        engine = self._engine
        if self._database is not None and self.epoch != self._database.epochs.newest:
            self.close()  # another server was promoted in its place
        was_open = self._raw is not None
        try:
            if not was_open:
                words, named_words = engine.dialect.create_connect_args(engine.url)
                raw: Any = engine.dialect.connect(*words, **named_words)
                raw.autocommit = True
                self._raw = raw
                if self._database is not None:
                    self.epoch = self._database.epoch(ask_identity(raw, seconds))
            return ask(self._raw, text, seconds)
        except (TimeoutError, StoreUnavailable) as error:
            self.close()
            raise Silent from error
        except (OSError, engine.dialect.loaded_dbapi.Error) as error:
            self.close()
            if was_open:  # the server was restarted, or another one takes its place
                return self.ask(text, seconds)
            raise Silent from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def forked(self) -> Any:  # noqa: ANN401 # the driver's own type
        """Return the connection that is the other process's, and begin without."""
        inherited, self._raw = self._raw, None
        return inherited


class Probes:
    """Probes of one primary, as many as threads ask at the same time.

    Args:
        primary: the server.
    """

    def __init__(self, primary: Database) -> None:
        self._primary = primary
        self._free = deque[Probe]()
        self._inherited: list[object] = []
        renew_after_fork(self)

    def ask(self, text: str, seconds: float) -> tuple[Sequence[bytes | None], int]:
        """Return a query's one row, and the epoch of the answer; raises Silent."""
        try:
            probe = self._free.pop()
        except IndexError:
            probe = Probe(self._primary.engine, self._primary)
        try:
            return probe.ask(text, seconds), probe.epoch
        finally:
            self._free.append(probe)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._free:
            self._free.pop().close()

    def forked(self) -> None:
        """Begin without connections."""
        self._inherited += [each.forked() for each in self._free]
        self._free = deque[Probe]()
