"""Concurrent callers share a transaction, and nothing else."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from addressee.application.execution.group_commit import GroupCommit
from addressee.domain import StoreUnavailable
from tests.patience import PATIENCE, wait_until


class Recorder:
    """Runs orders that are numbers, one group at a time; the first group waits for the rest."""

    def __init__(self, most: int = 64, patience: float | None = None, gathering: float = 0) -> None:
        self.commit = GroupCommit[int, str](most, patience, gathering)
        self.groups = list[list[int]]()
        self.gathered = Event()
        self.fails: Callable[[Sequence[int]], None] = lambda _: None
        self.share: Callable[[int], str] = lambda _: "all"
        self.begun = most

    def run(self, order: int) -> str:
        return self.commit.run(order, self.transact, self.share(order))

    def transact(self, orders: Sequence[int]) -> list[str]:
        self.groups.append([*orders])
        if orders[0] == 0:
            self.gathered.wait(PATIENCE)
        self.fails(orders)
        return [str(order) for order in orders[: self.begun]]

    def all_at_once(self, count: int) -> list[str | BaseException]:
        """Give order 0, the others while it runs, and return all outcomes."""
        with ThreadPoolExecutor(count) as threads:
            first = threads.submit(self.run, 0)
            wait_until(lambda: self.groups, "a group", pause=0.001)
            others = [threads.submit(self.run, order) for order in range(1, count)]
            waiting = self.commit._waiting
            wait_until(lambda: len(waiting) == count - 1, "the others wait", pause=0.001)
            self.gathered.set()
            return [each.exception() or each.result() for each in (first, *others)]


def test_a_lone_caller_waits_for_nobody() -> None:
    recorder = Recorder()
    assert [recorder.run(order) for order in (1, 2)] == ["1", "2"]
    assert recorder.groups == [[1], [2]]
    assert recorder.commit.statistics.waited == 0


def test_all_who_wait_share_the_next_transaction() -> None:
    recorder = Recorder()
    assert recorder.all_at_once(20) == [str(order) for order in range(20)]
    assert [sorted(group) for group in recorder.groups] == [[0], [*range(1, 20)]]
    assert recorder.commit.statistics.orders == 20
    assert recorder.commit.statistics.waited > 0


def test_a_group_takes_no_more_than_its_limit() -> None:
    recorder = Recorder(most=8)
    assert recorder.all_at_once(20) == [str(order) for order in range(20)]
    assert [len(group) for group in recorder.groups] == [1, 8, 8, 3]


def test_shares_take_turns() -> None:
    recorder = Recorder(most=4)
    recorder.share = lambda order: "one" if order == 9 else "many"
    assert recorder.all_at_once(10) == [str(order) for order in range(10)]
    assert 9 in recorder.groups[1], "eight orders of another share were before it"


def test_a_share_has_its_turn_though_groups_begin_few_of_their_orders() -> None:
    recorder = Recorder()
    recorder.begun = 1
    recorder.share = lambda order: "one" if order == 9 else "many"
    assert recorder.all_at_once(10) == [str(order) for order in range(10)]
    begun = [group[0] for group in recorder.groups]
    assert begun.index(9) <= 2, "each group began an order of the other share"


def test_orders_that_a_group_did_not_begin_come_next() -> None:
    recorder = Recorder()
    recorder.begun = 3
    assert recorder.all_at_once(9) == [str(order) for order in range(9)]
    # The order in which callers began to wait is kept.
    waited = recorder.groups[1]
    assert recorder.groups[1:] == [waited, waited[3:], waited[6:]]
    assert recorder.commit.statistics.orders == 9
    assert recorder.commit.statistics.failed == 0


def test_the_next_leader_waits_for_those_who_were_served_last() -> None:
    recorder, rounds = Recorder(gathering=PATIENCE), 5
    recorder.fails = lambda _: time.sleep(0.05)  # nobody is waited for longer than that

    def come_again(order: int) -> None:
        for number in range(rounds):
            recorder.run(order + 100 * number)

    with ThreadPoolExecutor(10) as threads:
        callers = [threads.submit(come_again, order) for order in range(1, 11)]
        for each in callers:
            each.result(PATIENCE)
    alone, *others = map(len, recorder.groups)
    assert alone == 1, "the first caller waits for nobody"
    assert len(others) <= rounds + 2, "each group has nearly all; without waiting every other has"


def test_nobody_is_waited_for_longer_than_the_last_transaction_took() -> None:
    recorder, start = Recorder(gathering=20), time.perf_counter()
    recorder.all_at_once(5)
    recorder.run(6)
    recorder.run(7)
    assert time.perf_counter() - start < 20
    assert recorder.groups[2:] == [[6], [7]]


def test_a_leader_that_is_interrupted_while_it_waits_leaves_nobody_waiting() -> None:
    recorder = Recorder(gathering=PATIENCE)
    recorder.fails = lambda _: time.sleep(0.2)
    recorder.all_at_once(5)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GroupCommit, "_gather", interrupted)
        with pytest.raises(KeyboardInterrupt):
            recorder.run(6)
    recorder.fails = lambda _: None
    assert recorder.run(7) == "7"


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_where_a_group_fails_each_runs_alone() -> None:
    recorder = Recorder()

    def fail(orders: Sequence[int]) -> None:
        if 7 in orders:
            raise RuntimeError(len(orders))

    recorder.fails = fail
    outcomes = recorder.all_at_once(20)
    assert str(outcomes.pop(7)) == "1", "it failed by itself"
    assert outcomes == [str(order) for order in range(20) if order != 7]
    assert [len(group) for group in recorder.groups] == [1, 19, *[1] * 19]
    assert recorder.commit.statistics.failed == 1


def test_where_a_transaction_takes_long_those_who_still_wait_run_alone() -> None:
    recorder, start = Recorder(patience=0.05), time.perf_counter()
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(recorder.run, 0)
        wait_until(lambda: recorder.groups, "a group", pause=0.001)
        others = [threads.submit(recorder.run, order) for order in range(1, 9)]
        assert [each.result(PATIENCE) for each in others] == [str(order) for order in range(1, 9)]
        assert time.perf_counter() - start >= 0.05
        assert recorder.run(9) == "9", "nobody waits for a transaction that takes long already"
        assert not first.done()
        recorder.gathered.set()
    assert first.result() == "0"
    assert [len(group) for group in recorder.groups] == [1] * 10
    assert recorder.commit.statistics.left == 9
    assert recorder.commit.statistics.groups == 1


def test_those_in_a_transaction_that_takes_long_wait_for_its_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]  # moved by the test alone: all are there in time, however slow the machine is
    clock = "addressee.application.execution.group_commit.perf_counter"
    monkeypatch.setattr(clock, lambda: now[0])
    recorder = Recorder(patience=0.01)

    def take_long(orders: Sequence[int]) -> None:
        if len(orders) > 1:
            now[0] += 1
            time.sleep(0.05)  # they wake, and see that it takes long

    recorder.fails = take_long
    assert recorder.all_at_once(5) == [str(order) for order in range(5)]
    assert [sorted(group) for group in recorder.groups] == [[0], [1, 2, 3, 4]]
    assert recorder.commit.statistics.left == 0


def test_an_interrupted_leader_leaves_nobody_waiting() -> None:
    recorder = Recorder()

    def interrupt(orders: Sequence[int]) -> None:
        if len(orders) > 1:
            raise KeyboardInterrupt

    recorder.fails = interrupt
    first, *others = recorder.all_at_once(5)
    assert first == "0"
    assert Counter(map(type, others)) == {KeyboardInterrupt: 1, StoreUnavailable: 3}
    assert recorder.run(6) == "6"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_process_does_not_wait_for_callers_of_the_other() -> None:
    recorder = Recorder()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(recorder.run, 0)
        wait_until(lambda: recorder.groups, "a group", pause=0.001)
        child = os.fork()
        if not child:
            os._exit(0 if recorder.run(1) == "1" else 1)
        assert os.waitpid(child, 0)[1] == 0
        recorder.gathered.set()
