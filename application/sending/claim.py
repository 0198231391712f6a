"""Choosing the next batch of a dispatch, in the transaction that marks it as leaving (R39)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from pyroaring import BitMap

from addressee.domain import Expression

from ..audiences.evaluation import Plan, first_hits, plan, universe_of
from ..ports.delivery.dispatches import Dispatch, DispatchView, Fate, PushBatch
from ..ports.records import Recipient
from ..ports.store import Viewable
from .transactions import started, without_retries

GONE = "the worker that sent it has gone"
UNSENT = Fate("retry", "its leave was in doubt, and it was not sent")
PAGE = 100
"""How many batches are read at once."""


class Claim(NamedTuple):
    """A batch that has left, and where it goes."""

    batch: PushBatch
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Claimant:
    """Chooses batches for one worker.

    Args:
        store: whose index is asked.
        worker: names the one that will send the batch.
        size: most members of a batch.
        lease: how long a batch may be without a sign of life of its worker.
    """

    store: Viewable
    worker: str
    size: int
    lease: timedelta

    def next(
        self, view: DispatchView, dispatch: Dispatch, audience: Expression, now: datetime
    ) -> Claim | datetime | None:
        """Mark the next batch as leaving and return it.

        Args:
            view: a transaction that no command commits beside, so that whoever was logged out
                before it is not a member, and everybody who is a member matches at the position
                that the batch gets (R39).
            dispatch: as it is in the transaction.
            audience: its audience, read.
            now: the time.

        Returns:
            The batch; or when to ask again, where only retries or batches of other workers are
            left; or None where nothing is to be done.
        """
        self._settle_abandoned(view, dispatch, now)
        dispatch = started(dispatch, now)  # it commits with its first batch, or with its end
        if dispatch.state != "running":
            left = view.open_batches(dispatch.id, 1, leaving=True)
            return left[0].due if left else None
        universe = universe_of(include_disabled=dispatch.include_disabled)
        planned = plan(self.store, view, dispatch.application, audience, universe)
        while due := view.open_batches(dispatch.id, 1, due=now):
            dispatch, claim = self._again(view, dispatch, due[0], planned, now)
            if claim is not None:
                return claim
        dispatch, claim = self._further(view, dispatch, planned, now)
        if claim is not None:
            return claim
        left = view.open_batches(dispatch.id, 1)
        if left:
            return left[0].due
        view.put_dispatch(replace(dispatch, state="done"))
        return None

    def take_back(self, view: DispatchView, dispatch: Dispatch, now: datetime) -> None:
        """Have what left under this worker's name be chosen anew: nobody has sent any of it.

        It committed, and the worker was not told, as where the server died at that moment. Who was
        logged out since is not sent to (R39). A worker has one batch at a time.
        """
        for batch in view.open_batches(dispatch.id, PAGE, leaving=True):
            if batch.worker == self.worker:
                back = replace(batch, fates=dict.fromkeys(batch.members, UNSENT), due=now)
                cancelled = dispatch.state == "cancelled"
                view.put_batch(without_retries(back) if cancelled else back, dispatch.application)

    def _settle_abandoned(self, view: DispatchView, dispatch: Dispatch, now: datetime) -> None:
        """Note of batches whose worker has gone that their outcome is unknown (R40)."""
        again = dispatch.resend_unknown and dispatch.state != "cancelled"
        fate = Fate("retry" if again else "unknown", GONE)
        while abandoned := view.open_batches(dispatch.id, PAGE, due=now, leaving=True):
            for batch in abandoned:
                fates = dict.fromkeys(batch.members, fate)
                settled = replace(batch, fates=fates, due=now if again else None)
                view.put_batch(settled, dispatch.application)

    def _further(
        self, view: DispatchView, dispatch: Dispatch, planned: Plan, now: datetime
    ) -> tuple[Dispatch, Claim | None]:
        """Take the next hits that no batch was chosen from."""
        start = dispatch.cursor
        while hits := first_hits(planned, start, self.size):
            recipients = tuple(view.recipients(hits))
            without = dispatch.without_address + len(hits) - len(recipients)
            start = hits[-1] + 1
            dispatch = replace(dispatch, cursor=start, without_address=without)
            if recipients:
                return self._leave(view, dispatch, recipients, 1, now)
        return dispatch, None

    def _again(
        self,
        view: DispatchView,
        dispatch: Dispatch,
        before: PushBatch,
        planned: Plan,
        now: datetime,
    ) -> tuple[Dispatch, Claim | None]:
        """Take those members of a batch that are to be sent again and match the audience still."""
        waiting = BitMap(o for o, fate in before.fates.items() if fate.outcome == "retry")
        recipients = tuple(view.recipients(list(matching(planned, waiting))))
        sent = {each.ordinal for each in recipients}
        fates: Mapping[int, Fate] = {
            **before.fates,
            **{o: Fate("retried" if o in sent else "not_sent") for o in waiting},
        }
        view.put_batch(replace(before, fates=fates, due=None), dispatch.application)
        if not recipients:
            return dispatch, None
        return self._leave(view, dispatch, recipients, before.attempt + 1, now)

    def _leave(
        self,
        view: DispatchView,
        dispatch: Dispatch,
        recipients: tuple[Recipient, ...],
        attempt: int,
        now: datetime,
    ) -> tuple[Dispatch, Claim]:
        number = dispatch.batches + 1
        batch = PushBatch(
            dispatch.id,
            number,
            view.last(),
            now,
            BitMap(each.ordinal for each in recipients),
            attempt,
            self.worker,
            now + self.lease,
        )
        dispatch = replace(dispatch, batches=number)
        view.put_batch(batch, dispatch.application)
        view.put_dispatch(dispatch)
        return dispatch, Claim(batch, recipients)


def matching(planned: Plan, ordinals: BitMap) -> BitMap:
    """Return those of some ordinals that an audience reaches."""
    found = BitMap()
    if ordinals:
        for hits in planned.hits(ordinals.min()):
            found |= hits & ordinals
            if hits.max() >= ordinals.max():
                break
    return found
