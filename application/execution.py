"""How every command runs: one transaction, lost races again, the same idempotency key once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from addressee.domain import AddresseeError, Conflict, Event, Occasion, StoreError

from .batch import Batch, final, placed
from .cache import AggregateCache, Seen
from .commands import Command
from .context import Checked, Context
from .idempotency import decide_once
from .loading import Loading
from .ports import Store
from .results import Result
from .subscribers import Subscribers
from .work import Rules, Work

FIRST_PAUSE = 0.001
LONGEST_PAUSE = 0.1


Order = tuple[Command[Result], Context]
"""A command and the context it is given in."""
Outcome = Result | AddresseeError
"""What a command answered, or why it was refused."""


@dataclass(frozen=True, slots=True)
class Execution:
    """Runs commands against a store.

    Args:
        store: where ledger and read models are.
        rules: what the host chose for all commands.
        subscribers: told of what was committed.
        clock: gives the time, aware of its zone.
        attempts: how often commands are tried before a lost race is given up (R32).
        cache: aggregates that were seen before.
    """

    store: Store
    rules: Rules
    subscribers: Subscribers
    clock: Callable[[], datetime]
    attempts: int
    cache: AggregateCache

    def run(self, orders: Sequence[Order]) -> list[Outcome]:
        """Run commands one after the other in one transaction, and return what became of each.

        A command that is refused records nothing and takes nothing of the others back.

        Args:
            orders: the commands; they may be decided several times.

        Raises:
            Conflict: a race was lost at every attempt; nothing was recorded.
            StoreError: the store did not do its work; nothing was recorded.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._attempt(orders)
            except Conflict:
                if attempt >= self.attempts:
                    raise
                pause(attempt)

    def _attempt(self, orders: Sequence[Order]) -> list[Outcome]:
        """Run the commands in a transaction of their own; raises Conflict for a lost race."""
        ticket = self.subscribers.begin()
        events: Sequence[Event] = ()
        positions: Sequence[int] = ()
        try:
            with self.store.writing() as transaction:
                batch = Batch(Loading(transaction, self.cache))
                if len(orders) > 1:
                    key = self.store.identifier_key
                    batch.loading.load_ahead(a for command, _ in orders for a in command.opens(key))
                outcomes = [self._decide(batch, command, context) for command, context in orders]
                written = transaction.append(batch.events, batch.changes) if batch.events else ()
                if batch.touches:
                    transaction.touch(batch.touches)
            # Only here is it committed.
            events, positions = batch.events, written
        finally:
            self.subscribers.end(ticket, positions[-1] if positions else 0, events)
        for aggregate, position in batch.recorded:
            self.cache.put(Seen(aggregate, final(position, positions)))
        return [placed(outcome, place, positions) for outcome, place in outcomes]

    def _decide(
        self, batch: Batch, command: Command[Result], context: Context
    ) -> tuple[Outcome, int]:
        """Let one command decide; keep what it recorded, or return why it was refused."""
        try:
            checked = Checked.of(context, command.actor)
            at = checked.at or self.clock()
            occasion = Occasion(at.astimezone(UTC), checked.actor, checked.correlation_id)
            work = Work(self.store, batch.loading, occasion, self.rules, checked.within)
            work.open(*command.opens(self.store.identifier_key))
            if checked.idempotency_key is None:
                result = command.decide(work)
            else:
                result = decide_once(work, command, checked.idempotency_key)
        except (Conflict, StoreError):
            raise
        except AddresseeError as refusal:
            return refusal, 0
        place = batch.add(work)
        return result, result.position or place


def pause(attempt: int) -> None:
    """Wait a random while, longer with each lost race, so that the losers do not meet again."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
    time.sleep(random.uniform(0, longest))  # noqa: S311 # spreads retries, guards no secret
