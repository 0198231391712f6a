"""A connection apart from the pool, by which a server is asked within a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from addressee.domain import StoreUnavailable

from ..engine.database import Database
from ..engine.dialects.postgresql_replication import CONNECT_SECONDS, ask, ask_identity
from ..engine.fork import renew_after_fork
from .place import Place, Questions, ask_place

SILENT = "does not answer"
ANSWERED = "FATAL:"
"""What libpq's message has where a server answers, and takes no connection."""
CODES = {
    "no pg_hba.conf entry": "28000",
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "too many connections": "53300",
    "too many clients": "53300",
    "remaining connection slots": "53300",
    "the database system is": "57P03",
    "permission denied for database": "42501",
    "is not currently accepting connections": "55000",
    'database "': "3D000",
    'role "': "28000",
}
"""Part of a message → its SQLSTATE, which libpq does not tell before there is a session. The first
one counts; the message itself has names of users."""


class Silent(Exception):
    """A server does not answer, or not in time, or refuses; says which, without names."""


class Probe:
    """Asks one server; connects when it has to. Not for several threads.

    Args:
        engine: of the server, whose pooled connections may all hang.
        questions: for the place where a connection leads.
        primary: tells the epochs of the server, if it is to be a primary.

    Attributes:
        epoch: the one in which a primary answered last.
        place: where the newest connection leads.
    """

    def __init__(
        self, engine: Engine, questions: Questions, primary: Database | None = None
    ) -> None:
        self._engine = engine
        self._questions = questions
        self._database = primary
        self._raw: Any = None
        self.epoch = 0
        self.place: Place | None = None

    def ask(self, text: str, seconds: float) -> Sequence[bytes | None]:
        """Return a query's one row; raises Silent."""
        engine = self._engine
        if self._database is not None and self.epoch != self._database.epochs.newest:
            self.close()  # another server was promoted in its place
        was_open = self._raw is not None
        try:
            if not was_open:
                words, named_words = engine.dialect.create_connect_args(engine.url)
                named_words.setdefault("connect_timeout", CONNECT_SECONDS)
                raw: Any = engine.dialect.connect(*words, **named_words)
                raw.autocommit = True
                self._raw = raw
                self.place = ask_place(raw, self._questions, seconds)
                if self._database is not None:
                    self.epoch = self._database.epoch(ask_identity(raw, seconds))
            return ask(self._raw, text, seconds)
        except (TimeoutError, StoreUnavailable) as error:
            self.close()
            raise Silent(SILENT) from error
        except (OSError, engine.dialect.loaded_dbapi.Error) as error:
            self.close()
            if was_open:  # the server was restarted, or another one takes its place
                return self.ask(text, seconds)
            raise Silent(why_refused(error)) from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def forked(self) -> Any:  # noqa: ANN401 # the driver's own type
        """Return the connection that is the other process's, and begin without."""
        inherited, self._raw = self._raw, None
        return inherited


def why_refused(error: Exception) -> str:
    """Return why a server can't be asked: by a SQLSTATE if it answers, and without names."""
    message = str(error)
    code = getattr(error, "code", None) or getattr(error, "sqlstate", None)
    if code is None:
        code = next((code for words, code in CODES.items() if words in message), None)
    if code is not None:
        return f"refuses: {code}"
    return "refuses connections" if ANSWERED in message else SILENT


class Probes:
    """Probes of one primary, as many as threads ask at the same time.

    Args:
        primary: the server.
        questions: for the place where a connection leads.
    """

    def __init__(self, primary: Database, questions: Questions) -> None:
        self._primary = primary
        self._questions = questions
        self._free = deque[Probe]()
        self._inherited: list[object] = []
        renew_after_fork(self)

    def ask(self, text: str, seconds: float) -> tuple[Sequence[bytes | None], int, Place | None]:
        """Return a query's one row, the epoch of the answer, and its place; raises Silent."""
        try:
            probe = self._free.pop()
        except IndexError:
            probe = Probe(self._primary.engine, self._questions, self._primary)
        try:
            return probe.ask(text, seconds), probe.epoch, probe.place
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
