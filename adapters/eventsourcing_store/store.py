"""A ledger in any application recorder of `eventsourcing`, and a copy of it with read models.

The recorder commits events in a transaction of its own, so read models can't be in it. They follow:
a projection takes the next events, and writes them and what they change in one transaction of a
store, so each takes effect there once. A command waits for it to come to the command's own events.
Identifiers belong to one person all the same, since claims are events (R5).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Lock

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
)

from addressee.adapters.serialization.event_mapper import as_stored
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.dispatches.dispatch_view import SqlDispatchReader, SqlDispatchView
from addressee.adapters.sql.engine.fork import renew_after_fork
from addressee.adapters.sql.store.administration_transaction import SqlAdministration
from addressee.adapters.sql.unit_of_work.action_log import Log
from addressee.adapters.sql.unit_of_work.verification_view import SqlAudit
from addressee.application import (
    Applications,
    Changes,
    Found,
    Lookup,
    Recorded,
    Replay,
    SinkProgress,
    TimeSpan,
    whole_page,
)
from addressee.domain import Action, Conflict, InvalidValue, StoreDamaged, StoreUnavailable

from .recorder_calls import RecorderTransaction, appended, read

PAGE = 1000
"""Most events that the projection takes in one transaction."""


class RecorderStore:
    """Keeps events by a recorder; a copy of them, and the read models, are in a store.

    Args:
        ledger: keeps the events; its stream ids must be text (``ORIGINATOR_ID_TYPE=text``).
        copy: a store that is used for nothing else; its identifier key, its indexed attributes and
            its mapper count.
        wait: have each command wait until the copy shows it (R19). Otherwise the host has to
            call `catch_up` from time to time, and audiences lag.

    Raises:
        InvalidValue: the copy is sealed; the recorder keeps events in clear.
        StoreDamaged: the copy's last event is not in the ledger: one of them was restored to an
            earlier state. Calls raise it too, if that happens while the ledger is away.
        StoreUnavailable: ledger or copy can't be reached.
    """

    def __init__(self, ledger: ApplicationRecorder, copy: SqlStore, *, wait: bool = True) -> None:
        if copy.sealed_as is not None:
            raise InvalidValue("copy", "can't be sealed: events would be in clear there")
        self.identifier_key = copy.identifier_key
        self.indexed_attributes: AbstractSet[str] = copy.indexed_attributes
        self.applications: Applications = copy.applications
        self._ledger = ledger
        self._copy = copy
        self._wait = wait
        self._lock = Lock()
        renew_after_fork(self)
        self._replay = Replay(self.indexed_attributes, self.identifier_key)
        self._compared = False
        self._compare()

    def forked(self) -> None:
        """Take a new lock."""
        self._lock = Lock()

    @contextmanager
    def reading(self) -> Generator[SqlDispatchReader]:
        """Open a view of one moment of the copy."""
        with self._copy.reading() as reader:
            yield reader

    def find(self, lookup: Lookup) -> Sequence[Found] | None:
        """Return what a lookup finds in the copy."""
        return self._copy.find(lookup)

    def ping(self) -> None:
        """Return if ledger and copy answer."""
        read(self._ledger, 0, 1)
        self._copy.ping()

    def settled(self) -> int:
        """Return the copy's last position: it takes events in the ledger's order."""
        return self._copy.last()

    def times(self, settled: int) -> Sequence[TimeSpan]:
        """Return spans that have all events of the copy up to a position, with their times."""
        return self._copy.times(settled)

    @contextmanager
    def auditing(self) -> Generator[SqlAudit]:
        """Open a view of one moment of the copy that shows everything."""
        with self._copy.auditing() as audit:
            yield audit

    @contextmanager
    def writing(self, first: Mapping[str, int] | None = None) -> Generator[RecorderTransaction]:  # noqa: ARG002 # read when it is asked
        """Open a transaction; what is appended is committed at once, and comes last.

        Raises:
            Conflict: a stream has events that the copy did not show; now it does.
        """
        self._compare()
        try:
            with ExitStack() as stack:
                connection = stack.enter_context(self._copy.viewing())
                transaction = RecorderTransaction(
                    connection, self._copy.parts, self._ledger, stack.close
                )
                yield transaction
        except Conflict:
            self.catch_up()
            raise
        except StoreUnavailable:
            self._compared = False
            raise
        if transaction.touches:
            with self._copy.writing() as own:
                own.conclude((), Changes(), transaction.touches)
        if self._wait and transaction.position:
            self.catch_up(transaction.position)

    @contextmanager
    def sending(
        self, *, alone: bool = False, recording: bool = False
    ) -> Generator[SqlDispatchView]:
        """Open a transaction on the dispatches of the copy, which shows commands that returned."""
        opened = partial(self._copy.sending, alone=alone, recording=recording)
        with self._recording() as log, opened(log=log) as view:
            yield view

    @contextmanager
    def administering(self) -> Generator[SqlAdministration]:
        """Open a transaction on what the copy has of applications, keys and sinks."""
        with self._recording() as log, self._copy.administering(log) as transaction:
            yield transaction

    @contextmanager
    def _recording(self) -> Generator[Log]:
        """Take actions, and add them to the ledger once the transaction on the copy is over.

        The recorder commits alone. A process that ends in between leaves a change out of it.
        """
        actions: list[Action] = []
        yield lambda _, more: actions.extend(more)
        if actions and self.catch_up():
            mapper = self._copy.parts.mapper
            self.catch_up(max(appended(self._ledger, mapper, each) for each in actions))

    def sink(self, name: str, lease: float) -> SinkProgress:
        """Return how far a sink is, which the copy's facts are relayed to."""
        return self._copy.sink(name, lease)

    def sinks(self) -> Sequence[str]:
        """Return the names of all sinks that relays have worked on, sorted."""
        return self._copy.sinks()

    def catch_up(self, position: int | None = None) -> int:
        """Bring the copy up to the ledger; any number of threads and processes may.

        Args:
            position: how far is enough; by default to the ledger's end.

        Returns:
            How far it is.

        Raises:
            StoreUnavailable: ledger or copy can't be reached; what was done stays done.
            Conflict: the copy's database refuses a row, as by a trigger of the host's; likewise.
        """
        self._compare()
        while True:
            try:
                with self._lock:
                    reached, more = self._follow(position)
            except Conflict as conflict:
                if conflict.final:
                    raise
                continue  # another process was faster
            except StoreUnavailable:
                self._compared = False
                raise
            if not more:
                return reached

    def _compare(self) -> None:
        """Raise StoreDamaged unless the ledger has the copy's last event.

        Once is enough until the ledger was away: it is not restored while it answers.
        """
        if self._compared:
            return
        with self._copy.auditing() as audit:
            last = audit.last()
            own = audit.stored(last - 1, 1)
        if own and [as_stored(n.id, n) for n in read(self._ledger, last - 1, 1)] != own:
            raise StoreDamaged(
                f"the ledger does not have the copy's last event, {last}: one of the two was"
                " restored to an earlier state. A new copy with the same identifier key fills"
                " itself from the ledger"
            )
        self._compared = True

    def _follow(self, wanted: int | None) -> tuple[int, bool]:
        """Take the next page; return how far the copy is, and whether there may be more."""
        at = self._copy.last()
        if wanted is not None and at >= wanted:
            return at, False
        if self._replay.position != at:
            self._replay = Replay(self.indexed_attributes, self.identifier_key, at)
        notifications: dict[int, Notification] = {}

        def take(after: int, limit: int, _: int | None) -> list[Recorded]:
            notifications.update((n.id, n) for n in read(self._ledger, after, limit))
            return [
                Recorded(n.id, self._copy.parts.mapper.to_domain_event(n))
                for n in notifications.values()
            ]

        page = whole_page(take, at, PAGE)
        if not page:
            return at, False
        stored = [as_stored(position, notifications[position]) for position, _ in page]
        with self._copy.following() as copy:
            if copy.position != at:
                raise Conflict("copy", at, copy.position)
            copy.follow(stored, self._replay.changes(page, copy))
        return page[-1].position, True
