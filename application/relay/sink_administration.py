"""What an operator sees and does: how far sinks are, dead letters, rewind, pause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from addressee.domain import InvalidValue, UnknownSink, values
from addressee.domain.events import SinkChanged

from ..default_clock_and_ids import utc_now
from ..execution.lost_race_retry import administered
from ..ports.delivery.relays import DeadLetter, RelayStore, SinkProgress, SinkState
from ..ports.operator_actions import Administering, AdministrableStore
from ..ports.records import LARGEST_POSITION
from ..unit_of_work.command_context import checked_actor

PAGE = 1_000
LEASE = 15.0


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """How far a sink is.

    Args:
        name: the sink's.
        state: ``running``, ``waiting`` (no relay works on it), ``paused`` or ``closed``.
        position: the last event of the ledger that it has.
        behind: how many positions the ledger is ahead.
        oldest: the age of the oldest event that it does not have, in seconds; 0 if it has all.
        sent: how many messages it has confirmed.
        retried: how often a batch or message was tried again.
        dead: how many dead letters there are.
        problem: why it was closed, if it was.
    """

    name: str
    state: str
    position: int
    behind: int
    oldest: float
    sent: int
    retried: int
    dead: int
    problem: str | None


class Sinks:
    """The sinks of a store, for operators; relays in other processes obey within a second.

    The ledger says who paused, resumed, rewound and had sent again (R60).

    Args:
        store: whose facts are relayed. One of another kind than `AdministrableStore` records
            nothing of it.
        actor: the caller, as commands have it, such as ``operator:ali``.
        clock: gives the time, aware of its zone.

    Raises:
        InvalidValue: there are no actors of that kind.
    """

    def __init__(
        self,
        store: RelayStore,
        *,
        actor: str = "operator",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._actor = checked_actor(actor)
        self._clock = clock

    def all(self) -> list[SinkStatus]:
        """Return the status of every sink that a relay has worked on."""
        return [self.status(name) for name in self._store.sinks()]

    def status(self, name: str) -> SinkStatus:
        """Return the status of a sink; raises UnknownSink."""
        state = known(name, self._progress(name))
        settled = self._store.settled()
        with self._store.reading() as view:
            following = view.events(state.position, 1, settled)
        oldest = 0.0
        if following:
            oldest = max((self._clock() - following[0].event.timestamp).total_seconds(), 0.0)
        return SinkStatus(
            name,
            word_for(state),
            state.position,
            max(settled - state.position, 0),
            oldest,
            state.sent,
            state.retried,
            state.dead,
            state.problem,
        )

    def dead_letters(self, name: str) -> Iterator[DeadLetter]:
        """Yield the facts that a sink did not take, in the ledger's order; raises UnknownSink."""
        progress = self._progress(name)
        known(name, progress)
        after = 0
        while page := progress.dead_letters(after, PAGE):
            yield from page
            after = page[-1].position

    def resend(self, name: str, positions: Sequence[int] | None = None) -> int:
        """Have the relay send dead letters again, before anything else.

        Args:
            name: the sink's.
            positions: of the letters; by default all.

        Returns:
            How many there are of these.

        Raises:
            UnknownSink: no relay has worked on it.
        """
        known(name, self._progress(name))
        checked = positions and [self._position(each) for each in positions]
        count = 0

        def resend(progress: SinkProgress) -> SinkChanged | None:
            nonlocal count
            count = progress.request_resend(checked)
            return self._changed(name, "resent", letters=count) if count else None

        self._change(name, resend)
        return count

    def rewind(self, name: str, position: int | None) -> SinkStatus:
        """Have the relay go on behind a position; facts that the sink had before go out again.

        Dead letters stay listed. The sink may be one that no relay has worked on yet.

        Args:
            name: the sink's.
            position: 0 for the whole ledger; None for only what happens from now on.

        Raises:
            InvalidValue: the ledger is not at that position.
        """
        settled = self._store.settled()
        to = settled if position is None else self._position(position)
        if to > settled:
            raise InvalidValue("position", f"should be at most {settled}, the ledger's last")

        def rewind(progress: SinkProgress) -> SinkChanged:
            progress.move(to)
            return self._changed(name, "rewound", position=to)

        self._change(name, rewind)
        return self.status(name)

    def pause(self, name: str) -> SinkStatus:
        """Have no relay send until it is resumed; the sink may be new."""

        def pause(progress: SinkProgress) -> SinkChanged | None:
            before = progress.state()
            progress.pause()
            paused = before is not None and before.paused
            return None if paused else self._changed(name, "paused")

        self._change(name, pause)
        return self.status(name)

    def resume(self, name: str) -> SinkStatus:
        """Go on where the sink was paused or closed; raises UnknownSink."""

        def resume(progress: SinkProgress) -> SinkChanged | None:
            before = known(name, progress)
            progress.resume()
            stopped = before.paused or before.problem is not None
            return self._changed(name, "resumed") if stopped else None

        self._change(name, resume)
        return self.status(name)

    def _change(self, name: str, change: Callable[[SinkProgress], SinkChanged | None]) -> None:
        """Change a sink, and record that in the same transaction."""
        checked = values.identifier("sink", name)
        if not isinstance(self._store, AdministrableStore):
            change(self._store.sink(checked, LEASE))
            return

        def work(transaction: Administering) -> None:
            if (action := change(transaction.sink(checked, LEASE))) is not None:
                transaction.record(action)

        administered(self._store, work)

    def _changed(self, name: str, change: str, **fields: int) -> SinkChanged:
        done = {"sink": name, "change": change, "actor": self._actor, "timestamp": self._clock()}
        return SinkChanged.model_validate({**done, **fields})

    def _progress(self, name: str) -> SinkProgress:
        return self._store.sink(values.identifier("sink", name), LEASE)

    @staticmethod
    def _position(value: int) -> int:
        return values.whole("position", value, 0, LARGEST_POSITION)


def known(name: str, progress: SinkProgress) -> SinkState:
    """Return the state of a sink; raises UnknownSink."""
    state = progress.state()
    if state is None:
        raise UnknownSink(name)
    return state


def word_for(state: SinkState) -> str:
    """Return what a sink does, in one word."""
    if state.problem is not None:
        return "closed"
    if state.paused:
        return "paused"
    return "waiting" if state.holder is None else "running"
