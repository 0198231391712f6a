"""One worker of a dispatch: takes batches, sends them, and notes what became of them."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from addressee.domain import Expression, InvalidValue, as_expression

from ..heartbeat import Heartbeat
from ..personalization import Personalization
from ..ports.dispatches import Dispatch, DispatchView, PushBatch
from ..ports.push import Answer, PushTransport, Rejected, Unknown
from ..ports.records import Recipient
from .claim import Claim, Claimant
from .pace import Pace
from .settle import Settlement, settlement
from .transactions import PAUSE, Transactions, known, without_retries

LOOK = 1.0
"""For how many seconds at most a worker that waits does not look whether it was paused."""

Key = str | tuple[str, str]
"""A service, or an application and a service."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Sends the batches of dispatches; the arguments are those of `Notifier`."""

    transactions: Transactions
    claimant: Claimant
    transports: Mapping[Key, PushTransport]
    people: Personalization
    pace: Pace
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    logger: logging.Logger

    def run(self, dispatch: str, progress: Callable[[int], object]) -> None:
        """Send batches until none is left; arguments and errors as for `Notifier.run`."""
        found = self.transactions.within(lambda view: known(view, dispatch))
        if not any(isinstance(k, str) or k[0] == found.application for k in self.transports):
            raise InvalidValue("transports", f"has none for {found.application}")
        audience = as_expression(found.audience)
        with Heartbeat(self._renew, self.claimant.lease.total_seconds() / 3):
            while True:
                if (wait := self.pace.wait(found.application, self.clock())) > 0:
                    self.sleep(min(wait, LOOK))
                    continue
                claim = self._claim(dispatch, audience)
                match claim:
                    case None:
                        return
                    case datetime():
                        wait = (claim - self.clock()).total_seconds()
                        self.sleep(min(max(wait, PAUSE), LOOK))
                    case Claim():
                        self._send(found, claim)
                        progress(len(claim.recipients))

    def _claim(self, dispatch: str, audience: Expression) -> Claim | datetime | None:
        def claim(view: DispatchView) -> Claim | datetime | None:
            return self.claimant.next(view, known(view, dispatch), audience, self.clock())

        return self.transactions.within(claim, alone=True)

    def _send(self, dispatch: Dispatch, claim: Claim) -> None:
        """Send a batch that has left, expire whose address is dead, and note what became of it."""
        groups: dict[str, list[Recipient]] = defaultdict(list)
        for recipient in claim.recipients:
            groups[recipient.service].append(recipient)
        answers = [
            answer
            for service, recipients in groups.items()
            for answer in self._answers(dispatch, service, recipients)
        ]
        now = self.clock()
        settled = settlement(answers, claim.batch.attempt, resend_unknown=dispatch.resend_unknown)
        self.pace.sent(dispatch.application, [each.service for each in claim.recipients], now)
        for service, seconds in settled.held.items():
            self.pace.hold(dispatch.application, service, now + timedelta(seconds=seconds))
        for recipient in settled.expired:
            self.people.expire_address(
                recipient.installation,
                recipient.address,
                since=recipient.since,
                actor="policy:dispatch",
                correlation_id=dispatch.id,
            )
        self.transactions.within(lambda view: self._note(view, claim.batch, settled, now))

    def _answers(
        self, dispatch: Dispatch, service: str, recipients: Sequence[Recipient]
    ) -> list[tuple[Recipient, Answer]]:
        """Return each recipient with its answer, whatever a transport does."""
        transport = self.transports.get((dispatch.application, service))
        transport = transport or self.transports.get(service)
        if transport is None:
            return [(each, Rejected(f"no transport for {service}")) for each in recipients]
        answers: list[Answer] = []
        problem = "the transport gave no answer"
        try:
            for answer in transport.send(dispatch.message, recipients):
                answers.append(answer)  # noqa: PERF402 # what was answered before it failed counts
        except Exception as error:  # noqa: BLE001 # a host's own code may raise anything
            # Whatever it is, others of the batch were answered, and nobody is sent to twice.
            problem = f"the transport failed: {type(error).__name__}"
            # Neither its text nor its traceback: they may contain an address.
            self.logger.error("the transport of %s: %s", service, problem)  # noqa: TRY400 # for that reason
        missing = len(recipients) - len(answers)
        answers += [Unknown(problem)] * missing
        return list(zip(recipients, answers, strict=False))

    def _note(
        self, view: DispatchView, batch: PushBatch, settled: Settlement, now: datetime
    ) -> None:
        """Note what became of a batch, and pause the dispatch if that is called for."""
        dispatch = known(view, batch.dispatch)
        current = view.batch(batch.dispatch, batch.number)
        if current is None:
            return
        if settled.problem and dispatch.state == "running":
            view.put_dispatch(replace(dispatch, state="paused", problem=settled.problem))
        retries = any(fate.outcome == "retry" for fate in settled.fates.values())
        due = now + timedelta(seconds=settled.retry_after) if retries else None
        noted = replace(current, fates=settled.fates, due=due)
        if not current.leaving:
            # Somebody took this worker for gone; what has been sent again since stays so.
            fates = {
                ordinal: settled.fates[ordinal] if fate.outcome == "unknown" else fate
                for ordinal, fate in current.fates.items()
            }
            noted = replace(noted, fates=fates)
        if dispatch.state == "cancelled":
            noted = without_retries(noted)
        view.put_batch(noted, dispatch.application)

    def _renew(self) -> None:
        due = self.clock() + self.claimant.lease
        self.transactions.within(lambda view: view.renew(self.claimant.worker, due))
