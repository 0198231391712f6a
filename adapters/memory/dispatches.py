"""Dispatches and their batches in dictionaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from secrets import token_hex

from addressee.application import Dispatch, PushBatch, PushOutcome
from addressee.domain import Conflict


class MemoryDispatches:
    """Dispatches of one process; the port says what each method gives."""

    def __init__(self) -> None:
        super().__init__()
        self._dispatches: dict[str, Dispatch] = {}
        self._batches: dict[str, dict[int, PushBatch]] = {}
        self._store_name = token_hex(16)

    def dispatch(self, name: str) -> Dispatch | None:
        """Return a dispatch."""
        return self._dispatches.get(name)

    def dispatches(
        self, application: str | None, limit: int, *, scheduled: bool = True
    ) -> Sequence[Dispatch]:
        """Return the newest dispatches."""
        mine = (
            each
            for each in reversed(self._dispatches.values())
            if application in (None, each.application) and (scheduled or each.state != "scheduled")
        )
        return [*islice(mine, limit)]

    def running(self, applications: Collection[str] | None, limit: int) -> Sequence[str]:
        """Return the ids of the oldest dispatches that are running."""
        found = (each for each in self._dispatches.values() if each.state == "running")
        mine = (each for each in found if applications is None or each.application in applications)
        return [each.id for each in islice(mine, limit)]

    def scheduled(
        self, applications: Collection[str] | None, limit: int, until: datetime | None = None
    ) -> Sequence[str]:
        """Return the ids of the scheduled dispatches that start first."""
        found = [
            (each.starts_at, each.id)
            for each in self._dispatches.values()
            if each.state == "scheduled"
            and each.starts_at is not None
            and (until is None or each.starts_at <= until)
            and (applications is None or each.application in applications)
        ]
        return [name for _, name in sorted(found)[:limit]]

    def store_name(self) -> str:
        """Return the store's name."""
        return self._store_name

    def new_dispatch(self, dispatch: Dispatch) -> None:
        """Add a dispatch."""
        if dispatch.id in self._dispatches:
            raise Conflict(dispatch.id, 0, 1)
        self.put_dispatch(dispatch)

    def put_dispatch(self, dispatch: Dispatch) -> None:
        """Write a dispatch."""
        self._dispatches[dispatch.id] = dispatch
        self._batches.setdefault(dispatch.id, {})

    def ended(
        self, application: str | None, before: datetime, now: datetime, limit: int
    ) -> Sequence[str]:
        """Return dispatches that have ended."""
        gone = min(before, now)
        found = (
            each.id
            for each in self._dispatches.values()
            if each.state in {"done", "cancelled"}
            and each.created_at < before
            and (each.starts_at is None or each.starts_at < before or not self._batches[each.id])
            and application in {None, each.application}
            and not any(b.due and b.due >= gone for b in self._batches[each.id].values())
        )
        return [*islice(found, limit)]

    def forget(self, dispatches: Collection[str]) -> None:
        """Delete dispatches."""
        for name in dispatches:
            del self._dispatches[name], self._batches[name]

    def batch(self, dispatch: str, number: int) -> PushBatch | None:
        """Return a batch."""
        return self._batches[dispatch].get(number)

    def open_batches(
        self, dispatch: str, limit: int, *, due: datetime | None = None, leaving: bool = False
    ) -> Sequence[PushBatch]:
        """Return batches that are not settled."""
        found = [
            (b.due, n, b)
            for n, b in self._batches[dispatch].items()
            if b.due is not None and (due is None or b.due <= due) and (b.leaving or not leaving)
        ]
        return [batch for _, _, batch in sorted(found, key=lambda each: each[:2])][:limit]

    def batches(self, dispatch: str, after: int, limit: int) -> Sequence[PushBatch]:
        """Return batches behind a number."""
        found = self._batches.get(dispatch, {}).values()
        return [batch for batch in found if batch.number > after][:limit]

    def batches_with(self, application: str, ordinal: int) -> Sequence[PushBatch]:
        """Return the batches of an installation."""
        found = [
            batch
            for name, batches in self._batches.items()
            if self._dispatches[name].application == application
            for batch in batches.values()
            if ordinal in batch.members
        ]
        return sorted(found, key=lambda b: (b.left_at, b.position, b.dispatch, b.number))

    def put_batch(self, batch: PushBatch, application: str) -> None:  # noqa: ARG002 # its dispatch says it
        """Write a batch."""
        self._batches[batch.dispatch][batch.number] = batch

    def renew(self, worker: str, due: datetime) -> None:
        """Put off when a worker's batches are due."""
        for batches in self._batches.values():
            for number, batch in batches.items():
                if batch.leaving and batch.worker == worker:
                    batches[number] = replace(batch, due=due)

    def tally(self, dispatch: str) -> Mapping[PushOutcome, int]:
        """Return how many members have which outcome."""
        counted: Counter[PushOutcome] = Counter()
        for batch in self._batches[dispatch].values():
            counted.update(batch.tally())
        return counted
