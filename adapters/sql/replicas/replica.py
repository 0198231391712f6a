"""One replica: its connections, and whether queries go to it."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager
from functools import partial
from threading import Event, Lock, Thread

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from addressee.domain import InvalidValue

from ..engine.database import Database
from ..engine.dialects.postgresql_replication import (
    NAME,
    REPLICA,
    WAITED_FOR,
    Standing,
    begin_and_stand,
    quick_to_fail,
    standing_if_waiting,
    standing_of,
)
from ..engine.engine_factory import parsed
from ..engine.fork import renew_after_fork
from .home import Home
from .place import Place, Questions, note_places
from .probe_connection import Probe, Silent
from .replica_state import OTHER, Behind, ReplicaState, why_behind
from .sockets import Sockets

PROBE_SECONDS = 0.25
"""Between two looks at a replica."""
CONFIRMED_SECONDS = 0.5
"""For how long after a primary said so its commits are taken to wait for a replica."""
ANSWER_SECONDS = 1.0
"""For how long a replica may be silent: then calls that wait for it fail."""
PAUSES = (0.0005, 0.001, 0.002, 0.004)
"""Seconds between looks at what was applied; the last one repeats."""
NOT_ASKED = "was not asked yet"


class Replica:
    """A replica, and a thread that looks after it while queries are asked.

    Args:
        url: where it is.
        statement_timeout: as for `Database`.
        primary: the one that it is to follow.
        questions: for the place of the ledger, which it is to share with the primary.
        waited_for: whether to ask the primary if its commits wait for the replica; otherwise
            queries always go by position.

    Attributes:
        name: host and port.
        epoch, home: of the primary whose commits wait for it: the epoch, and where its ledger is.

    Raises:
        InvalidValue: the URL can't be read, or is not of PostgreSQL with the driver psycopg.
    """

    def __init__(
        self,
        url: str | URL,
        statement_timeout: float | None,
        primary: Database,
        questions: Questions,
        *,
        waited_for: bool = False,
    ) -> None:
        try:
            given, dialect = parsed(url)
            quick = given if dialect.in_file else quick_to_fail(given)
            self.database = Database(quick, statement_timeout, meets=False)
        except InvalidValue as error:
            raise InvalidValue(error.field.replace("store", "replicas"), error.problem) from None
        if not dialect.pipelines(self.database.engine.dialect):
            raise InvalidValue("replicas", "are for PostgreSQL, with the driver psycopg")
        self.name = named(self.database.engine.url)
        self._probe = Probe(self.database.engine, questions)
        self._primary = Home(primary, questions, keeps=waited_for)
        self._waited_for = waited_for
        self.epoch = 0
        self.home: Place | None = None
        self._logger = logging.getLogger("addressee")
        self._left_out = NOT_ASKED
        self._synchronous = False
        self._confirmed = 0.0
        self._synchronous_from: Standing | None = None
        """Where the primary stood when its commits were first seen to wait."""
        self._needed = Standing(replica=True, timeline=0, position=0)
        """What it has to show before it is used again, unless it follows a later primary."""
        self._failures = 0
        self._inherited: list[object] = []
        self._sockets = Sockets(self.database.engine)
        note_places(self.database.engine, questions, ANSWER_SECONDS)
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        self._starting = Lock()
        self._over = Event()
        self._thread: Thread | None = None

    def forked(self) -> None:
        """Begin with a thread and connections of this process."""
        self._inherited += [self._probe.forked(), self._primary.probe.forked()]
        self._inherited += self._sockets.forked()
        self._begin()

    @property
    def state(self) -> ReplicaState:
        """What is known of it now."""
        return ReplicaState(self.name, self._left_out, self.synchronous, self._failures)

    @property
    def usable(self) -> bool:
        """Whether queries go to it; begins to look after it."""
        if self._thread is None:
            self._start()
        return not self._left_out

    @property
    def synchronous(self) -> bool:
        """Whether commits wait for it; a primary that is silent is not believed for long."""
        return self._synchronous and time.monotonic() - self._confirmed < CONFIRMED_SECONDS

    def view(
        self, first: str, primary: Standing, deadline: float
    ) -> AbstractContextManager[Connection]:
        """Return a view that shows what a primary has committed.

        Args:
            first: a statement to begin with.
            primary: where the primary stood.
            deadline: until when to wait for the replica, by the monotonic clock.

        Raises:
            Behind: on entering: it does not get there in time; says why.
            StoreUnavailable: on entering: it can't be reached.
        """
        return self.database.reading(first, partial(self._begin_at, primary, deadline))

    def _begin_at(
        self, primary: Standing, deadline: float, connection: Connection, first: str
    ) -> None:
        """Begin a view once the replica shows what the primary has committed."""
        pauses = iter(PAUSES)
        while not (standing := begin_and_stand(connection, first)).shows(primary):
            if not standing.replica or time.monotonic() > deadline:
                raise Behind(why_behind(standing, primary))
            self.database.dialect.roll_back(connection)
            connection.rollback()  # SQLAlchemy has noted a begin as well
            time.sleep(next(pauses, PAUSES[-1]))

    def leave_out(self, why: str, needed: Standing | None = None) -> None:
        """Send no query to it until a look at it finds that it answers.

        Args:
            why: for the log; without personal data.
            needed: what it has to show by then.
        """
        if needed is not None:
            self._needed = needed
        self._synchronous, self._synchronous_from = False, None
        if self._left_out == why:
            return
        if not self._left_out or self._left_out == NOT_ASKED:
            self._logger.warning("replica %s is left out: it %s", self.name, why)
            self._failures += 1
        self._left_out = why
        if why == OTHER:
            self.database.give_up()  # a new connection may lead elsewhere

    def _take_in(self) -> None:
        if self._left_out:
            self._logger.info("replica %s answers queries", self.name)
        self._left_out = ""

    def _start(self) -> None:
        """Look at it once, and then again and again in a thread."""
        with self._starting:
            if self._thread is not None:
                return
            self._look()
            self._thread = Thread(target=self._watch, args=(self._over,), daemon=True)
            self._thread.start()

    def _watch(self, over: Event) -> None:
        while not over.wait(PROBE_SECONDS):
            self._look()

    def _look(self) -> None:
        """Find out whether it answers and follows, and whether commits wait for it."""
        try:
            standing = standing_of(self._probe.ask(REPLICA, ANSWER_SECONDS))
            [name] = self._probe.ask(NAME, ANSWER_SECONDS)
        except Silent as silent:
            self.leave_out(str(silent))
            self._hang_up()
            return
        if not standing.replica:
            self.leave_out("is a primary")
        elif not self._is_home(standing):
            self._probe.close()  # a new connection may lead elsewhere
        elif standing.timeline > self._needed.timeline or standing.shows(self._needed):
            self._take_in()
            if self._waited_for:
                self._look_at_commits(standing, self._waiting_primary(name or b""))

    def _is_home(self, standing: Standing) -> bool:
        """Whether it has the primary's ledger, as far as the primary answers."""
        try:
            again = self._left_out == OTHER
            self._primary.compare(self._probe.place, standing, again=again)
        except Silent:
            return False
        except Behind as behind:
            if self._left_out != NOT_ASKED or str(behind) == OTHER:  # or the tables are new
                self.leave_out(str(behind))
            return False
        return True

    def _waiting_primary(self, name: bytes) -> Standing | None:
        """Return where the primary stands if its commits wait; None also if it does not answer."""
        if not name:
            return None
        probe, asked = self._primary.probe, time.monotonic()
        try:
            primary = standing_if_waiting(probe.ask(WAITED_FOR, PROBE_SECONDS), name)
        except Silent:
            return None
        if primary is not None:
            if self.epoch != probe.epoch:
                self._synchronous, self._synchronous_from = False, None
                self.epoch = probe.epoch
            self.home = probe.place
            self._confirmed = asked
        return primary

    def _look_at_commits(self, standing: Standing, primary: Standing | None) -> None:
        """Have queries not wait once it shows all that was committed before commits waited.

        Args:
            standing: its own, a moment ago.
            primary: where the primary stands if its commits wait for it.
        """
        before = self._synchronous
        if primary is None:
            self._synchronous, self._synchronous_from = False, None
        elif self._synchronous_from is None:
            self._synchronous_from = primary
        elif standing.shows(self._synchronous_from):
            self._synchronous = True
        if self._synchronous != before:
            wait = "wait" if self._synchronous else "no longer wait"
            self._logger.warning("commits %s for replica %s", wait, self.name)

    def _hang_up(self) -> None:
        """End all connections, so that calls fail which wait for a server that says nothing."""
        self.database.give_up()
        self._sockets.hang_up()

    def close(self) -> None:
        """End the thread, and close the pooled connections."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self._probe.close()
        self._primary.probe.close()
        self.database.close()


def named(url: URL) -> str:
    """Return host and port of a URL, without user and password."""
    host = url.host or url.query.get("host") or "local"
    return f"{host}:{url.port or 5432}" if isinstance(host, str) else ",".join(host)
