"""A store of its own that follows the ledger of another one by its stream."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event
from time import monotonic, sleep
from typing import TYPE_CHECKING

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.checkpoints.checkpoint_lease import Lease
from addressee.adapters.sql.store.follower_state import Followed
from addressee.application.default_clock_and_ids import utc_now
from addressee.application.worker_heartbeat import Heartbeat
from addressee.domain import (
    Conflict,
    InvalidValue,
    KeyMissing,
    LedgerStreamInvalid,
    StoreError,
    StoreUnavailable,
)

from .continuity import unread
from .follower_status import FollowerStatus, Promotion
from .ledger_copy import LedgerCopy
from .page import Arrived, read_page

if TYPE_CHECKING:  # it needs an extra
    from .jetstream_consumer import JetStreamLedger

AT_ONCE = 16
"""Most messages that are asked for at once."""
WAIT = 1.0
LONGEST = 10.0
"""Most seconds between two attempts to reach the stream or the store."""
LEASE = "followed ledger"


class Follower:
    """Copies a ledger into a store, at its positions, and derives the read models with it.

    Each event takes effect once, whichever messages come again, and however many followers work on
    one store: one works, the others wait. Meanwhile the store answers, and refuses commands.

    Args:
        store: empty, or one that follows this ledger already.
        stream: where its messages come from.
        key: the source's identifier key, for a store that is empty.
        clock: gives the time, aware of its zone.
        wait: seconds to wait for the next message before the follower looks whether it is to end.
        lease: seconds after which another follower of the same store takes over.
        logger: receives failures, never an event's data.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, most with a default
        self,
        store: SqlStore,
        stream: JetStreamLedger,
        *,
        key: bytes | None = None,
        clock: Callable[[], datetime] = utc_now,
        wait: float = WAIT,
        lease: float = 15.0,
        logger: logging.Logger | None = None,
    ) -> None:
        self._stream = stream
        self._copy = LedgerCopy(store, key)
        self._clock = clock
        self._wait = wait
        schema = store.parts.prepared.schema
        self._lease = Lease(store.database, schema, LEASE, seconds=lease, clock=clock)
        self._lease_seconds = lease
        self._logger = logger or logging.getLogger("addressee")
        self._begun = False

    def run(self, stop: Event, progress: Callable[[int], object] = lambda _: None) -> None:
        """Follow until ``stop`` is set; waits out a stream or a store that can't be reached.

        It also waits for keys of a sealed ledger that have not come to its key store yet.

        Args:
            stop: ends it.
            progress: called with the position after each step.

        Raises:
            LedgerStreamInvalid: the stream does not go on with the ledger. The store stays as it
                was before that message.
            InvalidValue: the store was promoted.
        """
        outage = self._wait / 4
        with self._taking_turns():
            while not stop.is_set():
                try:
                    if self._lease.take() is None:
                        stop.wait(self._wait)  # another one follows
                        continue
                    self.step()
                    progress(self._copy.state.position)
                    outage = self._wait / 4
                except (Conflict, KeyMissing, StoreUnavailable) as error:
                    self._logger.warning("the follower waits: %s", error)
                    outage = min(outage * 2, LONGEST)
                    stop.wait(outage)

    def catch_up(self, progress: Callable[[int], object] = lambda _: None) -> None:
        """Take all that is in the stream at this moment, or wait until another follower has it.

        Args:
            progress: called with the position after each step.

        Raises:
            StoreUnavailable: another follower of the store works, and does not get on.
            LedgerStreamInvalid, InvalidValue, IdentifierKeyWrong: as for `step`, which may raise
                more.
        """
        state = self._copy.followed()
        last = unread(self._stream, state)
        end = state.sequence if last is None else last.sequence
        if not end:
            return
        with self._taking_turns():
            if not self._turn_comes(end):
                return
            if not self._begun:
                self._begin()
            while self._copy.end.sequence < end:
                with suppress(Conflict):  # one who lost the lease has taken them meanwhile
                    self.step()
                progress(self._copy.state.position)

    def step(self) -> None:
        """Take the next messages, or wait for them for a second.

        Raises:
            LedgerStreamInvalid: a message is missing, comes twice, comes late, or was changed;
                nothing of it is in the store.
            StoreNotEmpty: the store has events of its own.
            InvalidValue: the store was promoted.
            Conflict: another follower has taken them.
            IdentifierKeyWrong, StoreSealed, StoreNotSealed, KeyMissing: key or keys are not the
                source's.
            StoreUnavailable: the stream or the store can't be reached.
        """
        if not self._begun:
            self._begin()
        self._begun = False  # until all of it is done
        arrived = self._stream.take(AT_ONCE, self._wait)
        for message in arrived:
            self._copy.receive(message)
        if arrived:
            self._stream.taken()
            self._begun = True
            return
        # Unless the server has lost the consumer, or another process has promoted the store.
        complete = self._stream.ends()[1] == self._copy.end.sequence
        self._begun = complete and self._copy.known() in {None, self._copy.state}

    def status(self) -> FollowerStatus:
        """Return how far the store is.

        Raises:
            InvalidValue: the store follows no ledger.
            LedgerStreamInvalid: the stream is not the one that the store follows.
            StoreUnavailable: the stream or the store can't be reached.
        """
        state = self._known()
        last = self._unread(state)
        published, lag = state.position, 0.0
        if last is not None:
            published = read_page(last).heading.last
            oldest = self._stream.message(state.sequence + 1) or last
            lag = max((self._clock() - oldest.at).total_seconds(), 0.0)
        return FollowerStatus(
            "following" if state.promoted_at is None else "promoted",
            state.position,
            moment(state.at),
            published,
            max(published - state.position, 0),
            lag,
        )

    def promote(self, *, alone: bool = False) -> Promotion:
        """Have the store take commands of its own, once it has all that the stream has.

        Another follower that works on the store ends with InvalidValue.

        Args:
            alone: do not ask the stream, which can't be reached any more.

        Returns:
            What the store has of its source. Promoting again returns the same.

        Raises:
            InvalidValue: the store follows no ledger.
            LedgerStreamInvalid: the stream does not go on with the ledger.
            StoreUnavailable: the stream or the store can't be reached; the store follows still.
        """
        published = None
        known = self._known()
        if not alone:
            if known.promoted_at is None:
                self._lease.resume()  # no follower at work, or one that died, delays this one
                self.catch_up()
                known = self._known()
            last = self._unread(known)
            published = known.position if last is None else read_page(last).heading.last
        state = self._copy.promote(self._clock())
        since = moment(state.promoted_at) or self._clock()
        return Promotion(state.position, moment(state.at), published, since)

    @contextmanager
    def _taking_turns(self) -> Generator[None]:
        """Keep the lease for a block of code, once it was taken, and let others have it then."""
        try:
            with Heartbeat(self._lease.take, self._lease_seconds / 3):
                yield
        finally:
            with suppress(StoreError):
                self._lease.release()

    def _turn_comes(self, sequence: int) -> bool:
        """Wait for this one's turn; return False once another one has taken that message."""
        known, until = None, 0.0
        while self._lease.take() is None:
            found = self._copy.known()
            if found is not None and found.sequence >= sequence:
                return False
            if found != known or not until:
                known, until = found, monotonic() + 2 * self._lease_seconds
            elif monotonic() > until:
                problem = f"another process follows and does not get on: {self._lease.held()}"
                raise StoreUnavailable(problem)
            sleep(min(self._wait, 0.1))
        return True

    def _known(self) -> Followed:
        found = self._copy.known()
        if found is None:
            raise InvalidValue("store", "follows no ledger")
        return found

    def _unread(self, state: Followed) -> Arrived | None:
        """Return the last message of the stream, unless the store has it.

        Nothing is wrong with a promoted store whose stream goes on with another ledger.
        """
        try:
            return unread(self._stream, state)
        except LedgerStreamInvalid:
            if state.promoted_at is None:
                raise
            return None

    def _begin(self) -> None:
        """Go on where the store is; raises LedgerStreamInvalid if the stream is another one."""
        state = self._copy.begin()
        self._stream.connect()
        unread(self._stream, state)
        self._stream.begin(f"follower-{state.consumer}", state.sequence)
        self._begun = True


def moment(text: str | None) -> datetime | None:
    """Return the time that a text names, in UTC."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
