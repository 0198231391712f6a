"""Sends the batches of a notifier's dispatches, and reads the answers of push services."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from addressee.domain import InvalidValue

from ..personalization import Personalization
from ..ports.delivery.dispatches import Dispatch, PushOutcome
from ..ports.delivery.push import Answer, Key, PushTransport, Rejected, Retry, Unknown
from ..ports.records import Recipient
from .batch_outcomes import Settlement, settlement
from .claim import Claim, Claimant
from .pace import Pace
from .transactions import Transactions

Observe = Callable[[str, str, Mapping[PushOutcome, int]], object]
"""Called after each batch with application, service, and how many messages had which outcome."""

HELD_UP = "the worker was stopped before it sent"
LATE = timedelta(seconds=5)
"""How long a worker may take at least from the choice of a batch to its first message."""


def unobserved(application: str, service: str, tally: Mapping[PushOutcome, int]) -> None:
    """Observe nothing."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Sends batches and reads the answers; the arguments are those of `Notifier`."""

    transactions: Transactions
    claimant: Claimant
    transports: Mapping[Key, PushTransport]
    people: Personalization
    pace: Pace
    clock: Callable[[], datetime]
    logger: logging.Logger
    observe: Observe

    @property
    def applications(self) -> frozenset[str] | None:
        """The applications that there are transports for; None where one serves them all."""
        if any(isinstance(key, str) for key in self.transports):
            return None
        return frozenset(key[0] for key in self.transports)

    def check(self, application: str) -> None:
        """Raise InvalidValue unless there is a transport for an application."""
        served = self.applications
        if not self.transports or (served is not None and application not in served):
            raise InvalidValue("transports", f"has none for {application}")

    def send(self, dispatch: Dispatch, claim: Claim) -> Settlement:
        """Send a batch that has left, and return the outcomes.

        A worker that was stopped meanwhile, such as with its machine, sends nothing of it: others
        took it for gone, and members may have logged out long ago. They are to be chosen anew.
        """
        groups: dict[str, list[Recipient]] = defaultdict(list)
        for recipient in claim.recipients:
            groups[recipient.service].append(recipient)
        begun = self.clock()
        if begun - claim.batch.left_at > max(self.claimant.lease, LATE):
            answers: list[tuple[Recipient, Answer]] = [
                (r, Retry(HELD_UP)) for r in claim.recipients
            ]
            return settlement(answers, claim.batch.attempt, resend_unknown=dispatch.resend_unknown)
        for service, recipients in groups.items():
            # Before they go, so that other threads wait meanwhile.
            self.pace.take(dispatch.application, service, len(recipients), begun)
        answers = [
            answer
            for service, recipients in groups.items()
            for answer in self._answers(dispatch, service, recipients)
        ]
        now = self.clock()
        settled = settlement(answers, claim.batch.attempt, resend_unknown=dispatch.resend_unknown)
        for service, recipients in groups.items():
            tally = Counter[PushOutcome]()
            tally.update(settled.fates[each.ordinal].outcome for each in recipients)
            self.observe(dispatch.application, service, tally)
        for service, seconds in settled.held.items():
            self.pace.hold(dispatch.application, service, now + timedelta(seconds=seconds))
        return settled

    def expire(self, dispatch: Dispatch, recipient: Recipient) -> None:
        """Expire an installation whose address is dead; raises StoreUnavailable at every try."""
        self.transactions.again(
            lambda: self.people.expire_address(
                recipient.installation,
                recipient.address,
                since=recipient.since,
                actor="policy:dispatch",
                correlation_id=dispatch.id,
            )
        )

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
