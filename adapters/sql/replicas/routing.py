"""The one place that decides which database answers a query."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.engine import URL

from addressee.domain import Conflict, InvalidValue, StoreUnavailable

from ..engine.database import Database
from ..engine.dialects.postgresql_replication import (
    PRIMARY,
    Standing,
    acknowledges_early,
    commits_wait,
    standing_of,
)
from ..engine.epochs import EPOCH
from .place import Place, Questions, check_place
from .probe_connection import Probes, Silent
from .replica import Replica
from .replica_state import OTHER, Behind, ReplicaState

WAIT_SECONDS = 0.5
"""How long a query waits for replicas to show what is committed, before it goes to the primary."""
PRIMARY_SECONDS = 2
"""How long a primary may take to say where it stands."""


Directly = Callable[[Database], AbstractContextManager[Connection]]


class Queries(Protocol):
    """Open views for queries."""

    def reading(self, first: str = "") -> AbstractContextManager[Connection]:
        """Open a transaction that sees one moment, chosen after the statement ``first``."""
        ...

    def at_once(self) -> AbstractContextManager[Connection]:
        """Open a connection for a statement that reads and needs no transaction around it."""
        ...

    def close(self) -> None:
        """Close the pooled connections."""
        ...


class ReplicatedQueries:
    """Opens views on replicas that show all that is committed, or else on the primary (R19).

    A view asks the primary where it stands, and waits until its replica has applied as much. Where
    commits wait for the replica themselves, it does neither.

    Args:
        primary: where commands go.
        urls: of replicas.
        questions: for the ledger that they are to have.
        statement_timeout: as for `Database`.
        remote_apply: whether commits are to wait for replicas.

    Raises:
        InvalidValue: the primary is on a host's engine, of which connections are the host's to
            make; a URL can't be read, or its database is none that replicates; the primary
            acknowledges what is not durable; commits are to wait for replicas and the primary is
            set up otherwise, or statements have a time-out, which ends that wait.
        StoreUnavailable: the primary can't be reached.
    """

    def __init__(
        self,
        primary: Database,
        urls: Sequence[str | URL],
        questions: Questions,
        statement_timeout: float | None = None,
        *,
        remote_apply: bool = False,
    ) -> None:
        self._primary = primary
        self._probes = Probes(primary, questions)
        self._turns = count()
        self._replicas = [
            Replica(url, statement_timeout, primary, questions, waited_for=remote_apply)
            for url in urls
        ]
        if primary.of_host:
            raise InvalidValue("replicas", "are for a store that is opened by a URL")
        if remote_apply and statement_timeout is not None:
            raise InvalidValue("statement_timeout", "ends a commit's wait for replicas")
        with primary.at_once() as connection:
            if acknowledges_early(connection):
                raise InvalidValue("replicas", "can't be current: synchronous_commit is off")
            if remote_apply and (why := commits_wait(connection)):
                raise InvalidValue("remote_apply", f"is not what the primary does: {why}")

    @property
    def states(self) -> list[ReplicaState]:
        """What is known of each replica."""
        return [each.state for each in self._replicas]

    def reading(self, first: str = "") -> AbstractContextManager[Connection]:
        """Open a transaction that sees one moment, chosen after the statement ``first``.

        Raises:
            StoreUnavailable: neither a replica nor the primary answers, or what did is gone.
        """
        return self._opened(lambda database: database.reading(first), first)

    def at_once(self) -> AbstractContextManager[Connection]:
        """Open a connection for a statement that reads; errors as of `reading`."""
        return self._opened(Database.at_once)

    @contextmanager
    def _opened(self, directly: Directly, first: str = "") -> Generator[Connection]:
        """Open a view.

        Args:
            directly: opens it on a database that need not be waited for.
            first: the statement that a view begins with otherwise.
        """
        replica = None
        try:
            with ExitStack() as stack:
                replica, connection = self._begun(stack, directly, first)
                yield connection
        except StoreUnavailable:
            if replica is not None:
                replica.leave_out("failed")
            raise

    def _begun(
        self, stack: ExitStack, directly: Directly, first: str
    ) -> tuple[Replica | None, Connection]:
        """Return a view, and the replica that it is on; None for the primary."""
        deadline = time.monotonic() + WAIT_SECONDS
        for replica in self._in_turn():
            primary, epoch, home = (
                (None, replica.epoch, replica.home) if replica.synchronous else self._standing()
            )
            try:
                if primary is None:
                    view = directly(replica.database)
                else:
                    view = replica.view(first, primary, deadline)
                with ExitStack() as opened:
                    connection = opened.enter_context(view)
                    check_place(connection, home)
                    stack.push(opened.pop_all())
            except Behind as behind:
                replica.leave_out(str(behind), primary)
                if replica.state.left_out == OTHER:
                    self._probes.close()  # what they know of the primary may be over
            except (StoreUnavailable, Conflict):
                replica.leave_out("failed")
            else:
                connection.info[EPOCH] = epoch
                return replica, connection
        return None, stack.enter_context(directly(self._primary))

    def _in_turn(self) -> list[Replica]:
        """Return the replicas that can be used, the next one first."""
        usable = [each for each in self._replicas if each.usable]
        start = next(self._turns) % len(usable) if usable else 0
        return usable[start:] + usable[:start]

    def _standing(self) -> tuple[Standing, int, Place | None]:
        """Return where the primary stands, its epoch, and where its ledger is.

        Raises:
            StoreUnavailable: it is no primary any more.
        """
        try:
            row, epoch, home = self._probes.ask(PRIMARY, PRIMARY_SECONDS)
        except Silent:
            self._primary.give_up()
            raise StoreUnavailable("the primary does not answer") from None
        standing = standing_of(row)
        if standing.replica:
            self._probes.close()
            self._primary.give_up()
            raise StoreUnavailable("the database is read-only: it is a replica now")
        return standing, epoch, home

    def close(self) -> None:
        """Close the connections to replicas."""
        self._probes.close()
        for each in self._replicas:
            each.close()
