"""Transactions on dispatches, tried again where the store is busy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from addressee.domain import Conflict, StoreUnavailable, UnknownDispatch, values

from ..ports.delivery.dispatches import (
    Dispatch,
    DispatchReader,
    DispatchView,
    Fate,
    PushBatch,
    SendingStore,
)

T = TypeVar("T")
V = TypeVar("V")

ATTEMPTS = 8
"""How often a transaction is tried."""
PAUSE = 0.1
"""Before the second attempt, in seconds; each further one waits twice as long."""


class Transactions:
    """Runs work in transactions of a store.

    Args:
        store: which.
        sleep: waits for so many seconds.
    """

    def __init__(self, store: SendingStore, sleep: Callable[[float], None]) -> None:
        self._store = store
        self._sleep = sleep

    def within(
        self,
        work: Callable[[DispatchView], T],
        *,
        alone: bool = False,
        recording: bool = False,
    ) -> T:
        """Return what is done in a transaction; its options are those of `SendingStore.sending`.

        Raises:
            Conflict, StoreUnavailable: at every attempt.
        """
        return self._tried(partial(self._store.sending, alone=alone, recording=recording), work)

    def read(self, work: Callable[[DispatchReader], T]) -> T:
        """Return what is read in a view, which locks nothing; raises StoreUnavailable likewise."""
        return self._tried(self._store.reading, work)

    def _tried(self, opened: Callable[[], AbstractContextManager[V]], work: Callable[[V], T]) -> T:
        def once() -> T:
            with opened() as view:
                return work(view)

        return self.again(once)

    def again(self, work: Callable[[], T]) -> T:
        """Return what is done by a call, which may be done several times; raises as `within`."""
        for attempt in range(ATTEMPTS):
            try:
                return work()
            except (Conflict, StoreUnavailable) as error:
                final = isinstance(error, Conflict) and error.final
                if final or attempt == ATTEMPTS - 1:
                    raise
                self._sleep(PAUSE * 2**attempt)
        raise AssertionError


def known(view: DispatchReader, dispatch: str, within: str | None = None) -> Dispatch:
    """Return a dispatch; raises UnknownDispatch, also for one that is not ``within``'s."""
    found = view.dispatch(values.identifier("dispatch", dispatch))
    if found is None or within not in (None, found.application):
        raise UnknownDispatch(dispatch)
    return found


def ready(
    view: DispatchReader, applications: Collection[str] | None, limit: int, now: datetime
) -> Sequence[str]:
    """Return the ids of dispatches to send: those whose time has come, and the oldest that run.

    Args:
        view: where they are.
        applications: whose; None for all.
        limit: how many at most.
        now: the time.
    """
    due = view.scheduled(applications, limit, now)
    return [*due, *view.running(applications, limit - len(due))]


def started(dispatch: Dispatch, now: datetime) -> Dispatch:
    """Return a dispatch as it is once its time has come."""
    at = dispatch.starts_at
    due = dispatch.state == "scheduled" and at is not None and at <= now
    return replace(dispatch, state="running") if due else dispatch


def without_retries(batch: PushBatch) -> PushBatch:
    """Return a batch of which nothing is sent again."""
    fates = {
        ordinal: Fate("not_sent", fate.detail) if fate.outcome == "retry" else fate
        for ordinal, fate in batch.fates.items()
    }
    return replace(batch, fates=fates, due=None)
