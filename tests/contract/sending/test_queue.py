"""Batches that leave under tickets of a work queue: the dispatch's record decides (R39, R40)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Barrier, Event
from time import sleep

from addressee.adapters.memory import MemoryStore
from addressee.adapters.push import RecordingPush
from addressee.application import Answer, DispatchStatus, Message, Recipient, SendingStore, Ticket
from addressee.application.sending.transactions import Transactions
from tests.contract.conftest import Host
from tests.contract.sending.sender import HELLO, Killed, Sender, devices, installations


@dataclass
class Slip:
    """A ticket of a queue in memory."""

    queue: Queue
    dispatch: str
    name: str

    def taken(self) -> None:
        self.queue.offer("store", "shop", self.dispatch)
        self.queue.offer("store", "shop", self.dispatch)

    def alive(self) -> None:
        self.queue.signs.append(self.name)

    def later(self, seconds: float) -> None:
        assert seconds > 0
        self.queue.put_back(self)

    def done(self) -> None:
        self.queue.out.pop(self.name, None)


@dataclass
class Queue:
    """A work queue in memory, which ends its only worker once it has been empty for a while."""

    waiting: deque[Slip] = field(default_factory=deque[Slip])
    out: dict[str, Slip] = field(default_factory=dict[str, Slip])
    signs: list[str] = field(default_factory=list[str])
    stop: Event = field(default_factory=Event)
    made: int = 0
    idle: int = 0

    def offer(self, store: str, application: str, dispatch: str) -> None:
        assert store.isalnum()
        assert application == "shop"
        if len(self.waiting) < 4:
            self.made += 1
            self.waiting.append(Slip(self, dispatch, f"slip-{self.made}"))

    def put_back(self, slip: Slip) -> None:
        self.out.pop(slip.name, None)
        self.waiting.append(Slip(self, slip.dispatch, slip.name))

    def take(self, store: str, seconds: float) -> Ticket | None:
        assert store == "" or store.isalnum()
        assert seconds > 0
        if self.waiting:
            slip = self.waiting.popleft()
            self.out[slip.name] = slip
            return slip
        self.idle += 1
        if self.idle > 3:
            self.stop.set()
        return None

    def close(self) -> None:
        pass


def served(sender: Sender, queue: Queue) -> list[DispatchStatus]:
    told: list[DispatchStatus] = []
    queue.stop.clear()
    queue.idle = 0
    sender.notifier.serve(queue.stop, told.append, queue=queue)
    return told


def test_R40_each_batch_leaves_under_a_ticket_that_is_done_once_its_outcome_is_noted(
    host: Host,
) -> None:
    names = devices(host, 23)
    queue = Queue()

    class Looking(RecordingPush):
        def send(self, message: Message, recipients: Sequence[Recipient]) -> Iterator[Answer]:
            assert queue.out, "its ticket is still out while it is on its way"
            return super().send(message, recipients)

    push = Looking()
    sender = Sender(host, push, batch=2)
    made = [sender.notifier.dispatch("shop", "all", HELLO).id for _ in range(2)]
    told = served(sender, queue)
    assert sorted(each.id for each in told) == sorted(made), "each is told once"
    assert [each.state for each in told] == ["done", "done"]
    assert queue.out == {}
    assert Counter(installations(push)) == dict.fromkeys(names, 2)
    assert [sender.notifier.status(each).accepted for each in made] == [23, 23]


def test_R40_a_batch_of_a_worker_that_is_gone_is_settled_by_the_record(host: Host) -> None:
    class Dying(RecordingPush):
        dies = True

        def send(self, message: Message, recipients: Sequence[Recipient]) -> Iterator[Answer]:
            yield from super().send(message, recipients)
            if self.dies:
                raise Killed

    for again in (False, True):
        names = devices(host, 6)
        push, queue = Dying(), Queue()
        sender = Sender(host, push, batch=2)
        made = sender.notifier.dispatch("shop", "all", HELLO, resend_unknown=again)
        with suppress(Killed):
            served(sender, queue)
        [lost] = queue.out.values()
        assert (sender.notifier.status(made.id).leaving, len(push.sent)) == (2, 2)
        push.dies = False
        queue.waiting.clear()
        queue.put_back(lost)
        host.clock.move(seconds=16)
        [done] = served(Sender(host, push, batch=2), queue)
        assert (done.state, done.unknown, done.accepted) == ("done", *((0, 6) if again else (2, 4)))
        counts = Counter(installations(push))
        assert set(counts) == {*names}
        assert sorted(counts.values()) == ([1, 1, 1, 1, 2, 2] if again else [1] * 6)
        assert queue.out == {}


def test_R40_a_ticket_that_comes_again_does_not_end_the_lease_of_a_worker_that_lives(
    host: Host,
) -> None:
    """The first worker is cut off from the queue alone, and unknown outcomes are sent again."""
    names = devices(host, 6)
    queue, others = Queue(), Queue()

    class CutOff(RecordingPush):
        def send(self, message: Message, recipients: Sequence[Recipient]) -> Iterator[Answer]:
            if not self.sent:
                yield from super().send(message, recipients)
                [slip] = queue.out.values()
                others.put_back(Slip(others, slip.dispatch, slip.name))
                assert served(Sender(host, self, batch=2), others) == []  # one batch is out still
            else:
                yield from super().send(message, recipients)

    push = CutOff()
    sender = Sender(host, push, batch=2)
    made = sender.notifier.dispatch("shop", "all", HELLO, resend_unknown=True)
    [done] = served(sender, queue)
    assert (done.id, done.state, done.accepted) == (made.id, "done", 6)
    assert Counter(installations(push)) == dict.fromkeys(names, 1)


def test_R40_tickets_that_are_lost_or_come_twice_lose_and_double_nothing(host: Host) -> None:
    names = devices(host, 9)
    push, queue = RecordingPush(), Queue()
    sender = Sender(host, push, batch=2)
    made = sender.notifier.dispatch("shop", "all", HELLO)
    for n in range(3):
        queue.waiting.append(Slip(queue, made.id, f"twin-{n % 2}"))
    queue.waiting.append(Slip(queue, "forgotten", "nothing"))
    [done] = served(sender, queue)
    assert done.accepted == 9
    assert sorted(installations(push)) == sorted(names)
    assert queue.out == {}
    queue.waiting.append(Slip(queue, made.id, "late"))
    served(sender, queue)
    assert len(push.sent) == 9


def test_all_workers_of_a_store_call_it_by_one_name_which_no_other_has(host: Host) -> None:
    assert isinstance(host.store, SendingStore)
    transactions, together = Transactions(host.store, sleep), Barrier(4)

    def name(_: int) -> str:
        together.wait()
        return transactions.within(lambda view: view.store_name())

    with ThreadPoolExecutor(4) as threads:
        [mine] = {*threads.map(name, range(4))}
    assert mine.isalnum()
    assert mine.isascii()
    with MemoryStore(identifier_key=host.store.identifier_key).sending() as other:
        assert other.store_name() != mine
