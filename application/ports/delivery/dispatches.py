"""What a store keeps of pushes that are sent: dispatches, and the batches that have left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from pyroaring import BitMap

from ..operator_actions import Recording
from ..store import Store
from ..transaction_views import Reader
from .push import Message

State = Literal["scheduled", "running", "paused", "cancelled", "done"]
PushOutcome = Literal[
    "leaving", "accepted", "dead", "rejected", "retry", "unknown", "retried", "not_sent"
]
"""What became of one member of a batch: ``leaving`` before there is an answer, ``retry`` while it
waits to be sent again, ``retried`` once a later batch has it, ``not_sent`` where a retry found that
it does not match any more or the dispatch was cancelled."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A message to an audience, and how far its sending is.

    Args:
        id: names it.
        application: its application code.
        audience: the expression, as text.
        message: what is sent; personal data.
        include_disabled: also to installations with a push flag off.
        resend_unknown: whether a batch of unknown outcome is sent again (R40).
        created_at: when, in UTC.
        position: the ledger's at that moment.
        state: ``scheduled`` until it starts; ``running``, ``paused``, ``cancelled`` or ``done``.
        problem: why it paused, if it did so by itself.
        cursor: the first ordinal that no batch has been chosen from.
        batches: how many batches there are.
        without_address: how many installations had none.
        starts_at: before when it does not start, in UTC; None if that was not ordered.
    """

    id: str
    application: str
    audience: str = field(repr=False)
    message: Message
    include_disabled: bool
    resend_unknown: bool
    created_at: datetime
    position: int
    state: State = "running"
    problem: str | None = None
    cursor: int = 0
    batches: int = 0
    without_address: int = 0
    starts_at: datetime | None = None


class Fate(NamedTuple):
    """What became of one member of a batch.

    Args:
        outcome: see `PushOutcome`.
        detail: the service's id of the message, or its reason.
    """

    outcome: PushOutcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PushBatch:
    """Installations that a message left for together.

    Args:
        dispatch: its dispatch.
        number: from 1.
        position: the ledger's, at which every member matched the audience (R39).
        left_at: when, in UTC.
        members: their ordinals.
        attempt: 1, and one more for those that are sent again.
        worker: the one that sends it.
        due: when somebody is to look at it again: a retry, or a worker that has gone; None once
            all is settled.
        fates: ordinal → what became of it; empty while it is leaving.
    """

    dispatch: str
    number: int
    position: int
    left_at: datetime
    members: BitMap
    attempt: int
    worker: str
    due: datetime | None
    fates: Mapping[int, Fate] = field(default_factory=dict[int, Fate])

    @property
    def leaving(self) -> bool:
        """Whether there is no answer yet."""
        return not self.fates

    def tally(self) -> Counter[PushOutcome]:
        """Return how many members have which outcome."""
        if self.leaving:
            return Counter({"leaving": len(self.members)})
        return Counter(fate.outcome for fate in self.fates.values())


class DispatchReader(Reader, Protocol):
    """A store as of one moment, with its dispatches."""

    def dispatch(self, name: str) -> Dispatch | None:
        """Return a dispatch by its id."""
        ...

    def dispatches(
        self, application: str | None, limit: int, *, scheduled: bool = True
    ) -> Sequence[Dispatch]:
        """Return the newest dispatches, of one application or of all, newest first.

        Args:
            application: whose; None for all.
            limit: how many at most.
            scheduled: whether those that are scheduled count.
        """
        ...

    def running(self, applications: Collection[str] | None, limit: int) -> Sequence[str]:
        """Return the ids of the oldest dispatches that are running, oldest first.

        Args:
            applications: whose; None for all.
            limit: how many at most.
        """
        ...

    def scheduled(
        self, applications: Collection[str] | None, limit: int, until: datetime | None = None
    ) -> Sequence[str]:
        """Return the ids of the scheduled dispatches that start first, the first first.

        Workers call it each second: with ``until`` it should read nothing that starts later.

        Args:
            applications: whose; None for all.
            limit: how many at most.
            until: only those that start then or before; None for all.
        """
        ...

    def batches(self, dispatch: str, after: int, limit: int) -> Sequence[PushBatch]:
        """Return up to ``limit`` batches behind a number, in their order."""
        ...

    def batches_with(self, application: str, ordinal: int) -> Sequence[PushBatch]:
        """Return the batches that an installation was a member of, as they left."""
        ...

    def tally(self, dispatch: str) -> Mapping[PushOutcome, int]:
        """Return how many members of a dispatch's batches have which outcome."""
        ...

    def ended(
        self, application: str | None, before: datetime, now: datetime, limit: int
    ) -> Sequence[str]:
        """Return dispatches that are done or cancelled, oldest first.

        Those are left out that have an open batch, unless it was due before that time as well, and
        that has passed: then its worker has gone, and nobody will settle it.

        Args:
            application: whose; None for all.
            before: they were made before that time, and were to start before it if they did start.
            now: the time.
            limit: how many at most.
        """
        ...


class DispatchView(DispatchReader, Recording, Protocol):
    """The same within a transaction that may change dispatches.

    A dispatch that it returns by its id is nobody else's to change until the transaction ends.
    """

    def last(self) -> int:
        """Return the position of the last event; 0 if there is none."""
        ...

    def store_name(self) -> str:
        """Return letters and digits that name the store: made at random once, and kept.

        No export carries them, so that no other store's workers are given its tickets.
        """
        ...

    def new_dispatch(self, dispatch: Dispatch) -> None:
        """Add a dispatch; raises Conflict if there is one of its id."""
        ...

    def put_dispatch(self, dispatch: Dispatch) -> None:
        """Write a dispatch, in place of the one of the same id."""
        ...

    def forget(self, dispatches: Collection[str]) -> None:
        """Delete dispatches and their batches for good."""
        ...

    def batch(self, dispatch: str, number: int) -> PushBatch | None:
        """Return a batch."""
        ...

    def open_batches(
        self, dispatch: str, limit: int, *, due: datetime | None = None, leaving: bool = False
    ) -> Sequence[PushBatch]:
        """Return batches that are not settled, those that are due first first.

        Args:
            dispatch: whose.
            limit: how many at most.
            due: only those that are due then or before; None for all.
            leaving: only those that there is no answer to yet.
        """
        ...

    def put_batch(self, batch: PushBatch, application: str) -> None:
        """Write a batch of an application, in place of the one of the same number."""
        ...

    def renew(self, worker: str, due: datetime) -> None:
        """Put off when the batches that a worker is sending are due."""
        ...


@runtime_checkable
class SendingStore(Store, Protocol):
    """Keep a store that pushes are sent from."""

    def reading(self) -> AbstractContextManager[DispatchReader]:
        """Open a view that does not change while it is open; raises StoreUnavailable."""
        ...

    def sending(
        self, *, alone: bool = False, recording: bool = False
    ) -> AbstractContextManager[DispatchView]:
        """Open a transaction on dispatches; it commits when the block ends.

        Args:
            alone: see all commands that have returned, and let none commit until the block ends.
            recording: wait for those that are alone first: the block calls `record`.

        Raises:
            StoreUnavailable: the store can't be reached, or commands are under way for too long.
        """
        ...
