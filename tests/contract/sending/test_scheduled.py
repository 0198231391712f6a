"""Dispatches that start later, with those who match then; until then they can be cancelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from threading import Barrier
from typing import Any, cast

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.adapters.push import RecordingPush
from addressee.application import DispatchView, Notifier, SendingStore
from addressee.domain import IdempotencyKeyReused, InvalidValue, LimitExceeded, UnknownDispatch
from addressee.domain.limits import DAYS_AHEAD
from tests.contract.conftest import Host
from tests.contract.sending.sender import HELLO, Killed, Sender, devices, installations
from tests.contract.sending.test_queue import Queue, Slip
from tests.contract.sending.test_queue import served as served_by_queue
from tests.contract.sending.test_serving import served

HOUR = timedelta(hours=1)


def test_R39_a_scheduled_dispatch_reaches_those_who_match_when_it_leaves(host: Host) -> None:
    devices(host, 2)
    push = RecordingPush()
    sender = Sender(host, push)
    notifier = sender.notifier
    host.people.tag(host.login("d0", "ali"), add=["vip"])
    starts_at = (host.clock() + HOUR).astimezone(timezone(timedelta(hours=5)))
    made = notifier.dispatch("shop", "tag:vip", HELLO, starts_at=starts_at)
    assert (made.state, made.starts_at, made.recipients) == ("scheduled", starts_at, 0)
    for leave in (notifier.run, notifier.pause, notifier.resume, notifier.status):
        assert leave(made.id) == made
    assert notifier.running() == []
    host.people.depersonalize("d0")
    host.people.tag(host.login("d1", "bea"), add=["vip"])
    host.clock.move(hours=1)
    assert notifier.running() == [made.id]
    done = notifier.run(made.id)
    assert (done.state, done.accepted, done.starts_at) == ("done", 1, starts_at)
    assert installations(push) == ["d1"]
    assert notifier.running() == []


def test_what_is_scheduled_is_listed_the_first_first_and_cancelled(host: Host) -> None:
    notifier = Sender(host, RecordingPush()).notifier
    now = host.clock()
    third, first, second = (
        notifier.dispatch("shop", "all", HELLO, starts_at=now + HOUR * hours) for hours in (3, 1, 2)
    )
    other = notifier.dispatch("bank", "all", HELLO, starts_at=now + HOUR)
    now_running = notifier.dispatch("shop", "all", HELLO)
    assert notifier.dispatches("shop", 1, scheduled=False) == [now_running]
    assert notifier.scheduled("shop") == [first, second, third]
    assert notifier.scheduled("shop", limit=2) == [first, second]
    assert notifier.scheduled("bank") == [other]
    assert [each.id for each in notifier.scheduled()][2:] == [second.id, third.id]
    with pytest.raises(UnknownDispatch):
        notifier.cancel(first.id, within="bank")
    assert notifier.cancel(first.id).state == "cancelled"
    assert notifier.scheduled("shop") == [second, third]
    host.clock.move(hours=4)
    assert notifier.running()[:3] == [other.id, second.id, third.id]


def test_a_dry_run_of_a_later_start_counts_the_audience(host: Host) -> None:
    devices(host, 12)
    host.device("mute")
    notifier = Sender(host, RecordingPush()).notifier
    at = host.clock() + HOUR
    tried = notifier.dispatch("shop", "all", HELLO, starts_at=at, dry_run=True)
    assert (tried.state, tried.recipients, tried.starts_at) == ("dry_run", 13, at)
    assert tried.sample == tuple(f"d{n}" for n in range(10))
    assert notifier.dispatches() == []


def test_workers_start_a_dispatch_at_its_time(host: Host) -> None:
    devices(host, 1)
    host.people.define_segment("shop", "gone", "all")
    sender = Sender(host, RecordingPush())
    later, due, broken, cancelled = (
        sender.notifier.dispatch("shop", audience, HELLO, starts_at=host.clock() + HOUR * hours)
        for audience, hours in (("all", 2), ("all", 1), ("segment:gone", 1), ("all", 1))
    )
    host.people.remove_segment("shop", "gone")
    sender.notifier.cancel(cancelled.id)
    host.clock.move(hours=1)
    assert [each.id for each in served(sender, 1)] == [due.id]
    told = [sender.notifier.status(each.id) for each in (due, later, broken, cancelled)]
    assert [each.state for each in told] == ["done", "scheduled", "paused", "cancelled"]
    assert told[2].problem == "UNKNOWN_SEGMENT"


def test_a_work_queue_gets_tickets_of_what_is_due_from_any_worker(host: Host) -> None:
    names = devices(host, 5)
    push, queue = RecordingPush(), Queue()
    sender = Sender(host, push, batch=2)
    made = sender.notifier.dispatch("shop", "all", HELLO, starts_at=host.clock() + HOUR)
    # The clock of the worker that has offered this one is ahead.
    queue.waiting.append(Slip(queue, made.id, "early"))
    assert served_by_queue(sender, queue) == []
    assert (push.sent, queue.out, queue.made) == ([], {}, 0)
    host.clock.move(hours=1)
    [done] = served_by_queue(sender, queue)
    assert (done.id, done.state, done.accepted) == (made.id, "done", 5)
    assert Counter(installations(push)) == dict.fromkeys(names, 1)


def test_R40_a_worker_that_is_killed_as_it_starts_one_loses_and_doubles_nothing(host: Host) -> None:
    if isinstance(host.store, MemoryStore):
        return  # it ends with its process
    names = devices(host, 4)

    class Dying:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # of the store
            return getattr(host.store, name)

        @contextmanager
        def sending(
            self, *, alone: bool = False, recording: bool = False
        ) -> Generator[DispatchView]:
            assert isinstance(host.store, SendingStore)
            with host.store.sending(alone=alone, recording=recording) as view:
                yield view
                if alone:
                    raise Killed

    push = RecordingPush()
    sender = Sender(host, push)
    made = sender.notifier.dispatch("shop", "all", HELLO, starts_at=host.clock() + HOUR)
    host.clock.move(hours=1)
    with suppress(Killed):
        dying = cast("SendingStore", Dying())
        Notifier(dying, {"fcm": push, "apns": push}, clock=host.clock).run(made.id)
    assert sender.notifier.status(made.id).state == "scheduled"
    assert [each.accepted for each in served(sender, 1)] == [4]
    assert installations(push) == names


def test_R40_many_workers_start_one_once_and_a_cancel_has_one_outcome(host: Host) -> None:
    names = devices(host, 6)
    host.people.tag_installation("d0", add=["first"])
    for cancels in (False, True):
        push, together = RecordingPush(), Barrier(3 + cancels)
        notifier = Sender(host, push, batch=1).notifier
        made = notifier.dispatch("shop", "all", HELLO, starts_at=host.clock() + HOUR)
        host.clock.move(hours=1)

        def run(_: int) -> object:
            together.wait()  # noqa: B023 # they end in this turn
            return notifier.run(made.id)  # noqa: B023

        def cancel() -> str:
            together.wait()  # noqa: B023
            return notifier.cancel(made.id).state  # noqa: B023

        with ThreadPoolExecutor(4) as threads:
            runs = [threads.submit(run, n) for n in range(3)]
            ended = threads.submit(cancel).result() if cancels else "done"
            for each in runs:
                each.result()
        told = notifier.status(made.id)
        assert told.state == ended
        assert told.accepted == told.recipients == len(push.sent)
        assert max(Counter(installations(push)).values(), default=0) <= 1
        if ended == "done":
            assert sorted(installations(push)) == names


def test_one_that_is_cancelled_between_the_look_and_the_start_is_not_sent(host: Host) -> None:
    devices(host, 2)
    push = RecordingPush()
    notifier = Sender(host, push).notifier
    made = notifier.dispatch("shop", "all", HELLO, starts_at=host.clock() + HOUR)
    host.clock.move(hours=1)
    assert notifier.running() == [made.id]
    assert notifier.cancel(made.id).state == "cancelled"
    assert notifier.run(made.id).state == "cancelled"
    assert push.sent == []


def test_a_start_has_a_zone_and_is_not_too_far_ahead(host: Host) -> None:
    notifier = Sender(host, RecordingPush()).notifier
    now = host.clock()
    most = now + timedelta(days=DAYS_AHEAD)
    for given, state in (
        (now, "running"),
        (now - HOUR, "running"),
        ("2026-11-23T10:00:00+01:00", "scheduled"),
        ("2026-11-23T09:00:00+01:00", "running"),
        (most, "scheduled"),
    ):
        assert notifier.dispatch("shop", "all", HELLO, starts_at=given).state == state
    local = now.replace(tzinfo=None)
    for wrong in (local, local.isoformat(), "2026-11-24"):
        with pytest.raises(InvalidValue) as refused:
            notifier.dispatch("shop", "all", HELLO, starts_at=wrong)
        text = wrong.isoformat() if isinstance(wrong, datetime) else wrong
        assert str(refused.value) == f"starts_at has no time zone: {text}"
        assert refused.value.field == "starts_at"
    for strange in ("soon", 5):
        with pytest.raises(InvalidValue, match="starts_at should be a time"):
            notifier.dispatch("shop", "all", HELLO, starts_at=strange)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # it is wrong on purpose
    with pytest.raises(LimitExceeded) as far:
        notifier.dispatch("shop", "all", HELLO, starts_at=most + timedelta(microseconds=1))
    assert (far.value.field, far.value.limit, far.value.given) == (
        *("starts_at", DAYS_AHEAD),
        DAYS_AHEAD + 1,
    )


def test_R31_the_same_key_at_another_time_is_another_dispatch(host: Host) -> None:
    notifier, at = Sender(host, RecordingPush()).notifier, host.clock() + HOUR
    made = notifier.dispatch("shop", "all", HELLO, starts_at=at, idempotency_key="k")
    host.clock.move(hours=3)
    again = notifier.dispatch("shop", "all", HELLO, starts_at=at, idempotency_key="k")
    assert again == made
    for other in (at + HOUR, None):
        with pytest.raises(IdempotencyKeyReused):
            notifier.dispatch("shop", "all", HELLO, starts_at=other, idempotency_key="k")


def test_texts_of_scheduled_pushes_are_kept_by_the_time_of_their_start(host: Host) -> None:
    devices(host, 1)
    notifier = Sender(host, RecordingPush()).notifier
    at = host.clock() + timedelta(days=30)
    made = notifier.dispatch("shop", "all", HELLO, starts_at=at)
    dropped = notifier.dispatch("shop", "all", HELLO, starts_at=at)
    host.clock.move(days=29)
    assert notifier.forget(host.clock(), dry_run=True) == 0, "it has not left"
    notifier.cancel(dropped.id)
    assert notifier.forget(host.clock()) == 1, "what never started counts from its order"
    host.clock.move(days=1)
    assert notifier.run(made.id).accepted == 1
    assert notifier.forget(at) == 0, "it left at that time"
    assert notifier.forget(at + HOUR) == 1
    with pytest.raises(UnknownDispatch):
        notifier.status(made.id)
