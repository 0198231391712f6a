"""Execution of commands: one transaction, retries of lost races, idempotency keys."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import NamedTuple, NoReturn, cast

from addressee.domain import (
    AddresseeError,
    Aggregate,
    Conflict,
    Event,
    IdentifierKey,
    InvalidValue,
    MergeOutdated,
    Occasion,
    StoreError,
)

from ..commands import Command
from ..ports.store import ConcurrentStore, JoinableStore, Store
from ..ports.transaction_views import Reader, Transaction
from ..unit_of_work.aggregate_cache import AggregateCache, Seen
from ..unit_of_work.command_context import Checked, Context
from ..unit_of_work.repository import AggregateRepository
from ..unit_of_work.results import Result
from ..unit_of_work.transaction_batch import Batch, final, placed
from ..unit_of_work.unit_of_work import Rules, UnitOfWork
from .concurrency_limit import ConcurrencyLimit
from .group_commit import PATIENCE, GroupCommit
from .idempotency import decide_once
from .subscribers import Subscribers

FIRST_PAUSE = 0.001
LONGEST_PAUSE = 0.1
FEW = 64
"""Commands of which the store is told what they read first, to save a round trip."""
MOST_CHANGES = 5_000
"""Events and postings after which a group begins no further order: others wait for its commit."""
ATTEMPTS_IN_HOSTS = 5
"""How often at most a lost race is tried within a transaction of the host's, which it holds up."""


class Order(NamedTuple):
    """A command and the context it is given in."""

    command: Command[Result]
    context: Context

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what a result has: in a bulk, no call has the answer of another."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise InvalidValue("call", "uses the answer of another call, which has not run yet")


Outcome = Result | AddresseeError
"""The result of a command, or the error that refused it."""


@dataclass(frozen=True, slots=True)
class Execution:
    """Runs commands against a store.

    Args:
        store: where ledger and read models are.
        rules: the host's choices for all commands.
        subscribers: notified of committed events.
        clock: returns the time, aware of its zone.
        attempts: how often commands are tried before a lost race is given up (R32).
        cache: aggregates as last seen.
        ahead: how far ahead of the clock a command's ``at`` may be (R48).
        limit: bounds how many transactions run at once.
        groups: has single commands of concurrent callers share a transaction; None: they do not.
    """

    store: Store
    rules: Rules
    subscribers: Subscribers
    clock: Callable[[], datetime]
    attempts: int
    cache: AggregateCache
    ahead: timedelta
    limit: ConcurrencyLimit
    groups: GroupCommit[Order, Outcome] | None = None

    def run(self, orders: Sequence[Order], host: object = None) -> list[Outcome]:
        """Run commands one after the other in one transaction, and return the outcome of each.

        A refused command records nothing and undoes none of the others.

        Args:
            orders: the commands; they may be decided several times.
            host: a transaction of the host's to take part in, if not one of their own.

        Raises:
            Conflict: a race was lost at every attempt; nothing was recorded.
            StoreError: the store did not do its work; nothing was recorded.
        """
        attempts = self.attempts if host is None else min(self.attempts, ATTEMPTS_IN_HOSTS)
        attempt = 0
        while True:
            attempt += 1
            try:
                if host is not None:
                    return self._join(orders, host)
                if self.groups is None or len(orders) != 1:
                    return self._attempt(orders)
                share = orders[0].context.get("within")
                return [self.groups.run(orders[0], self._attempt_group, share)]
            except Conflict as conflict:
                if conflict.final or attempt >= attempts:
                    raise
                pause(attempt)
            finally:
                self.subscribers.deliver()

    def _attempt_group(self, orders: Sequence[Order]) -> list[Outcome]:
        """Run commands of several callers, or the first ones if those change much already."""
        return self._attempt(orders, MOST_CHANGES)

    def _attempt(self, orders: Sequence[Order], most: float = math.inf) -> list[Outcome]:
        """Run the commands in a transaction of their own; raises Conflict for a lost race."""
        ticket = self.subscribers.begin()
        events: Sequence[Event] = ()
        positions: Sequence[int] = ()
        try:
            opened = self._opened(orders)
            with self.limit, self.store.writing(self._read_first(opened)) as transaction:
                batch = Batch(AggregateRepository(transaction, self.cache), self.rules)
                outcomes, written = self._carry_out(batch, transaction, orders, opened, most)
            # Only here is it committed.
            events, positions = batch.events, written
        finally:
            self.subscribers.report(ticket, positions[-1] if positions else 0, events)
        self.cache.put_all(
            [
                Seen(aggregate, final(position, positions))
                for aggregate, position in batch.recorded.values()
            ],
            batch.repository.epoch,
        )
        return [placed(outcome, place, positions) for outcome, place in outcomes]

    def _join(self, orders: Sequence[Order], host: object) -> list[Outcome]:
        """Run the commands within the host's transaction; raises Conflict for a lost race.

        The cache takes nothing, for the host may still roll back. Subscribers are notified after
        the host's commit, and no other command waits for that: the transaction may last.
        """

        def notify() -> None:
            self.subscribers.end(
                self.subscribers.begin(), positions[-1] if positions else 0, batch.events
            )

        with self._joinable().joining(host, notify) as transaction:
            rules = self.rules.for_transaction_of_host()
            batch = Batch(AggregateRepository(transaction, AggregateCache(0)), rules)
            opened = self._opened(orders)
            outcomes, positions = self._carry_out(batch, transaction, orders, opened)
        return [placed(outcome, place, positions) for outcome, place in outcomes]

    def _joinable(self) -> JoinableStore:
        if not isinstance(self.store, JoinableStore):
            raise InvalidValue("transaction", "can't be joined by a store of this kind")
        return self.store

    def _opened(self, orders: Sequence[Order]) -> list[list[Aggregate]]:
        """Return what each command reads first."""
        key = self.store.identifier_key
        return [[*command.opens(key)] for command, _ in orders]

    def _read_first(self, opened: Sequence[Sequence[Aggregate]]) -> Mapping[str, int] | None:
        """Return what `Reader.streams` is asked first; None of a bulk, where it saves little."""
        if len(opened) > FEW:
            return None
        names = [IdentifierKey().id, *(each.id for wanted in opened for each in wanted)]
        return self.cache.versions(names)

    def _carry_out(
        self,
        batch: Batch,
        transaction: Transaction,
        orders: Sequence[Order],
        opened: Sequence[Sequence[Aggregate]],
        most: float = math.inf,
    ) -> tuple[list[tuple[Outcome, int]], Sequence[int]]:
        """Decide the commands and record the outcome; return answers and positions.

        Commands that would follow more than so many changes are not begun. Whether the identifier
        key is the newest is read with what they read, so that it takes no query of its own.
        """
        newest = IdentifierKey()
        first = [newest, *chain.from_iterable(opened)]
        if len(orders) > 1:
            batch.repository.load_ahead(first)
        (key, _) = batch.repository.load(first if len(orders) == 1 else [newest])[newest.id]
        cast("IdentifierKey", key).check(self.store.identifier_key)
        outcomes: list[tuple[Outcome, int]] = []
        for order, wanted in zip(orders, opened, strict=True):
            outcomes.append(self._decide(batch, order, wanted))
            if batch.size >= most:
                break
        if not batch.events and not batch.touches:
            return outcomes, ()
        return outcomes, transaction.conclude(batch.events, batch.changes, batch.touches)

    def _decide(
        self, batch: Batch, order: Order, wanted: Sequence[Aggregate]
    ) -> tuple[Outcome, int]:
        """Let one command decide; add its events to the batch, or return its refusal."""
        command, context = order
        try:
            checked = Checked.of(context, command.actor)
            work = self._work(batch.repository, batch.rules, checked)
            work.open(*wanted)
            if checked.idempotency_key is None:
                result = command.decide(work)
            else:
                result = decide_once(work, command, checked.idempotency_key)
            work.check_sizes()
        except MergeOutdated as refusal:
            # No race is lost that could be won the next time.
            return refusal, 0
        except (Conflict, StoreError):
            raise
        except AddresseeError as refusal:
            return refusal, 0
        place = batch.add(work)
        return result, result.position or place

    @contextmanager
    def rehearsing(self, context: Context) -> Generator[UnitOfWork]:
        """Let commands decide on what the store or the host's transaction shows; record nothing."""
        checked, host = Checked.of(context, "backend"), context.get("transaction")
        opened: AbstractContextManager[Reader]
        if host is None:
            opened, cache, rules = self.store.reading(), self.cache, self.rules
        else:
            opened = self._joinable().joining(host, lambda: None)
            cache, rules = AggregateCache(0), self.rules.for_transaction_of_host()
        with opened as reader:
            yield self._work(AggregateRepository(reader, cache), rules, checked)

    def _work(self, repository: AggregateRepository, rules: Rules, context: Checked) -> UnitOfWork:
        at = self._time_of(context)
        occasion = Occasion(at.astimezone(UTC), context.actor, context.correlation_id)
        return UnitOfWork(self.store, repository, occasion, rules, context)

    def _time_of(self, context: Checked) -> datetime:
        """Return when a command happens; raises InvalidValue for a time too far ahead (R48)."""
        now = self.clock()
        if context.at is None:
            return now
        if context.at - now > self.ahead:
            raise InvalidValue("at", f"should be at most {self.ahead} ahead of the clock")
        return context.at


def groups_on(store: Store, most: int) -> GroupCommit[Order, Outcome] | None:
    """Return what has concurrent callers share transactions of a store; None: they do not.

    Where writers take turns, a caller that left a group would wait for the same lock as the group.
    """
    concurrent = store if isinstance(store, ConcurrentStore) else None
    if most == 1 or (concurrent is not None and concurrent.suspends):
        return None
    takes_turns = concurrent is not None and concurrent.single_writer
    return GroupCommit(most, None if takes_turns else PATIENCE)


def pause(attempt: int) -> None:
    """Wait a random while, longer with each lost race, so that the losers do not meet again."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
    time.sleep(random.uniform(0, longest))  # noqa: S311 # spreads retries, guards no secret
