"""Group commit: commands that are given at the same time share one transaction.

A commit costs a wait for the disk, whatever it holds. So databases have long written the log of
several transactions at once (D. J. DeWitt et al., "Implementation Techniques for Main Memory
Database Systems", 1984); here whole commands share one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Lock, get_ident
from time import perf_counter
from typing import Generic, TypeVar

from addressee.domain import StoreUnavailable

from .fair_queue import FairQueue

PATIENCE = 0.25
"""Seconds that a transaction may run before those who wait for it go alone (docs/decisions/020)."""
GATHERING = 0.003
"""Seconds that the next leader waits at most for those who were served last (likewise)."""

Order = TypeVar("Order")
Outcome = TypeVar("Outcome")


class Turn(Enum):
    """What a caller does next."""

    WAIT = auto()
    LEAD = auto()
    TAKE_OUTCOME = auto()
    RUN_ALONE = auto()
    GIVE_UP = auto()


@dataclass(slots=True, eq=False)
class Caller(Generic[Order, Outcome]):
    """A thread with its order. It sleeps until another wakes it."""

    order: Order
    share: Hashable
    thread: int = field(default_factory=get_ident)
    turn: Turn = Turn.LEAD
    outcomes: Sequence[Outcome] = ()
    _asleep: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._asleep.acquire()

    def sleep(self, seconds: float = -1) -> bool:
        """Return whether another thread woke this one in time; by default it waits for that."""
        return self._asleep.acquire(timeout=seconds)

    def wake(self, turn: Turn, outcomes: Sequence[Outcome] = ()) -> None:
        """Let the thread go on, with the outcome of its order if there is one."""
        self.turn, self.outcomes = turn, outcomes
        self._asleep.release()


@dataclass(slots=True)
class GroupStatistics:
    """What groups have done since their object was made.

    Attributes:
        groups: transactions that orders were run in together, lone ones included.
        orders: how many orders those were.
        failed: groups that failed, whose orders were then run alone.
        left: orders that were run alone because the transaction before theirs took too long.
        waited: seconds that callers have slept in all.
    """

    groups: int = 0
    orders: int = 0
    failed: int = 0
    left: int = 0
    waited: float = 0.0


class GroupCommit(Generic[Order, Outcome]):
    """Runs the orders of concurrent callers together; a lone caller waits for nobody.

    The first caller leads: it runs the orders of all who wait in one transaction, hands the lead to
    the next, and wakes the others. The next one waits a moment for those to come again, for one
    transaction is less work than two. Where a transaction fails, each caller runs its own order in
    one of its own: so no failure is another's. Where it takes long, those who still wait leave, and
    run their own orders likewise: so they wait for no lock that they do not need.
    Shares take turns: the many orders of one delay those of another by one turn.

    Args:
        most: orders in one transaction at most.
        patience: seconds that a transaction may run before those who wait for it leave; None: they
            stay, as all transactions wait for the same lock.
        gathering: seconds after a transaction in which the next leader waits for its callers, and
            no longer than the transaction took; one that had a single caller is not waited for.
    """

    def __init__(
        self, most: int, patience: float | None = PATIENCE, gathering: float = GATHERING
    ) -> None:
        self._most = most
        self._patience = patience
        self._longest = gathering
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        self._waiting: FairQueue[Caller[Order, Outcome]] = FairQueue()
        self._leader = 0
        self._began = 0.0
        """When the leader took the lead."""
        self._expected = 0
        """How many will wait when those who were served last have come again."""
        self._until = 0.0
        """When nobody waits for them any more."""
        self._gathering: Caller[Order, Outcome] | None = None
        """The leader who does."""
        self.statistics = GroupStatistics()

    def run(
        self,
        order: Order,
        transact: Callable[[Sequence[Order]], Sequence[Outcome]],
        share: Hashable = None,
    ) -> Outcome:
        """Run an order, together with those that wait; return its outcome.

        Args:
            order: the caller's.
            transact: runs orders in one transaction and returns the outcome of each, or only of
                the first ones, one at least: it has not begun the others. When it raises, it has
                recorded nothing.
            share: whose order it is, among those that take turns.

        Raises:
            StoreUnavailable: the thread that ran the order was interrupted.
            Exception: what ``transact`` raises for this order alone.
        """
        if self._process != os.getpid():
            self._begin()  # the callers of the process that this one was forked from are not here
        # To call an alias, Caller[Order, Outcome](…) or list[Outcome](), takes ten times as long.
        own: Caller[Order, Outcome] = Caller(order, share)
        with self._lock:
            if not self._leader:
                self._take_lead(own)
            elif self._leader == get_ident():  # a thread that waited for itself would not end
                own.turn = Turn.RUN_ALONE
            else:
                self._waiting.put(share, own)
                own.turn = Turn.WAIT
                if self._gathering is not None and len(self._waiting) >= self._expected:
                    self._gathering.wake(Turn.LEAD)
                    self._gathering = None
        if own.turn is Turn.WAIT:
            self._wait(own)
        if own.turn is Turn.LEAD:
            self._lead(own, transact)
        if own.turn is Turn.GIVE_UP:
            raise StoreUnavailable("the thread that commits was interrupted; it may have committed")
        [outcome] = own.outcomes or transact([order])
        return outcome

    def _wait(self, own: Caller[Order, Outcome]) -> None:
        """Return when another thread wakes this one, or when it has left."""
        start = perf_counter()
        seconds = self._patience_left()
        while not own.sleep(seconds):
            with self._lock:
                seconds = self._patience_left()
                if not seconds and self._waiting.remove(own.share, own):
                    self.statistics.left += 1
                    own.turn = Turn.RUN_ALONE
                    break
                # Where it was taken, its leader alone knows the outcome; it may put it back.
                seconds = seconds or PATIENCE
        with self._lock:
            self.statistics.waited += perf_counter() - start

    def _patience_left(self) -> float:
        """Return how many seconds the leader's transaction may still run; -1 for no limit."""
        if self._patience is None:
            return -1
        return max(0.0, self._began + self._patience - perf_counter())

    def _take_lead(self, caller: Caller[Order, Outcome]) -> None:
        """Make a caller the leader; the lock is held."""
        self._leader, self._began = caller.thread, perf_counter()

    def _lead(
        self,
        own: Caller[Order, Outcome],
        transact: Callable[[Sequence[Order]], Sequence[Outcome]],
    ) -> None:
        turn, begun = Turn.GIVE_UP, 1
        outcomes: list[Outcome] = []
        others: list[Caller[Order, Outcome]] = []
        try:
            self._gather(own)
            with self._lock:
                others += self._take(self._most - 1)
            begun = len(others) + 1
            outcomes += transact([own.order, *(each.order for each in others)])
            turn, begun = Turn.TAKE_OUTCOME, len(outcomes)
        except Exception:  # run alone, each order of a group meets it again or does not
            turn = Turn.RUN_ALONE
            if not others:
                raise
        finally:
            self._hand_over(begun, turn, others[begun - 1 :])
            for number, each in enumerate(others[: begun - 1], 1):
                each.wake(turn, outcomes[number : number + 1])
        own.turn, own.outcomes = turn, outcomes[:1]

    def _gather(self, own: Caller[Order, Outcome]) -> None:
        """Wait until those who were served last have come again, or may not come."""
        if not self._until:  # set by the leader before, so no lock is needed
            return
        with self._lock:
            seconds = self._until - perf_counter()
            if seconds <= 0 or len(self._waiting) >= self._expected:
                return
            self._gathering = own
        own.sleep(seconds)

    def _take(self, most: int) -> list[Caller[Order, Outcome]]:
        """Return callers that wait, as many as there are and may be; the lock is held."""
        self._gathering = None
        taken: list[Caller[Order, Outcome]] = []
        while len(taken) < most and (caller := self._waiting.take()) is not None:
            taken.append(caller)
        return taken

    def _hand_over(self, begun: int, turn: Turn, rest: Sequence[Caller[Order, Outcome]]) -> None:
        """Have the next caller lead, after a number of orders; the rest of the group waits on."""
        with self._lock:
            for caller in reversed(rest):
                self._waiting.put_back(caller.share, caller)
            successor = self._waiting.take()
            self._expect(begun if successor else begun - 1)
            if successor is None:
                self._leader = 0
            else:
                self._take_lead(successor)
            self.statistics.groups += 1
            self.statistics.orders += begun
            self.statistics.failed += turn is not Turn.TAKE_OUTCOME
        if successor is not None:
            successor.wake(Turn.LEAD)

    def _expect(self, served: int) -> None:
        """Have the next leader wait for those who were served, if those are several."""
        now = perf_counter()
        self._expected = min(len(self._waiting) + served, self._most - 1)
        self._until = now + min(self._longest, now - self._began) if served > 1 else 0.0
