"""Runs that fail or are served together: each batch is noted, none is kept alive (R31, R40)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event
from typing import Any, cast

import pytest

from addressee.adapters.push import RecordingPush
from addressee.application import (
    Answer,
    DispatchStatus,
    DispatchView,
    Message,
    Notifier,
    Recipient,
    Retry,
    SendingStore,
)
from addressee.domain import IdempotencyKeyReused, StoreUnavailable, UnknownDispatch
from tests.contract.conftest import Host
from tests.contract.sending.sender import HELLO, Sender, answering, devices, installations


def test_R31_the_same_key_makes_one_dispatch(host: Host) -> None:
    devices(host, 3)
    sender = Sender(host, RecordingPush())
    notifier = sender.notifier
    first = notifier.dispatch("shop", "all", HELLO, idempotency_key="sale")
    assert notifier.dispatch("shop", "all", HELLO, idempotency_key="sale") == first
    done = notifier.run(first.id)
    assert notifier.dispatch("shop", "all", HELLO, idempotency_key="sale") == done
    others = [
        notifier.dispatch("bank", "all", HELLO, idempotency_key="sale"),
        notifier.dispatch("shop", "all", HELLO, idempotency_key="other"),
    ]
    assert len({first.id, *(each.id for each in others)}) == 3
    for audience, message, disabled in (
        ("tag:x", HELLO, False),
        ("all", Message(title="Other"), False),
        ("all", HELLO, True),
    ):
        with pytest.raises(IdempotencyKeyReused):
            notifier.dispatch(
                "shop", audience, message, include_disabled=disabled, idempotency_key="sale"
            )
    assert len(notifier.dispatches("shop")) == 2


def test_R31_the_same_key_from_many_threads_makes_one_dispatch(host: Host) -> None:
    notifier = Sender(host, RecordingPush()).notifier

    def make(_: int) -> str:
        return notifier.dispatch("shop", "all", HELLO, idempotency_key="sale").id

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(make, range(16)))) == 1
    assert len(notifier.dispatches()) == 1


def test_a_dispatch_is_seen_and_changed_within_its_application_only(host: Host) -> None:
    notifier = Sender(host, RecordingPush()).notifier
    made = notifier.dispatch("shop", "all", HELLO)
    for call in (notifier.status, notifier.pause, notifier.resume, notifier.cancel):
        with pytest.raises(UnknownDispatch):
            call(made.id, within="bank")
    assert notifier.status(made.id, within="shop") == made


def test_R40_what_became_of_a_batch_is_noted_when_the_run_is_interrupted(host: Host) -> None:
    devices(host, 4)
    push = RecordingPush()
    sender = Sender(host, push, batch=2)
    made = sender.notifier.dispatch("shop", "all", HELLO)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sender.notifier.run(made.id, interrupt)
    told = sender.notifier.status(made.id)
    assert (told.accepted, told.leaving) == (2, 0)
    assert sender.notifier.run(made.id).accepted == 4
    assert installations(push) == ["d0", "d1", "d2", "d3"]


def test_R40_a_batch_of_a_run_that_failed_is_not_kept_alive_by_the_next_run(host: Host) -> None:
    """The same notifier goes on: what its failed run left behind becomes unknown."""
    devices(host, 4)
    broken = False

    class Failing:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # of the store
            return getattr(host.store, name)

        def sending(
            self, *, alone: bool = False, recording: bool = False
        ) -> AbstractContextManager[DispatchView]:
            if broken:
                raise StoreUnavailable("gone")
            assert isinstance(host.store, SendingStore)
            return host.store.sending(alone=alone, recording=recording)

    class Breaking(RecordingPush):
        def send(self, message: Message, recipients: Sequence[Recipient]) -> Iterator[Answer]:
            nonlocal broken
            broken = recipients[0].installation == "d0"
            return super().send(message, recipients)

    def sleep(seconds: float) -> None:
        host.clock.move(seconds=seconds)

    push = Breaking()
    notifier = Notifier(
        cast("SendingStore", Failing()),
        {"fcm": push},
        batch=2,
        lease=1,
        clock=host.clock,
        sleep=sleep,
    )
    made = notifier.dispatch("shop", "all", HELLO)
    with pytest.raises(StoreUnavailable):
        notifier.run(made.id)
    broken = False
    done = notifier.run(made.id)
    assert (done.state, done.accepted, done.unknown) == ("done", 2, 2)
    assert installations(push) == ["d0", "d1", "d2", "d3"]


def served(sender: Sender, count: int) -> list[DispatchStatus]:
    """Serve until so many dispatches have ended."""
    stop = Event()
    ended: list[DispatchStatus] = []

    def note(status: DispatchStatus) -> None:
        ended.append(status)
        if len(ended) == count:
            stop.set()

    sender.notifier.serve(stop, note)
    return ended


def test_dispatches_are_served_in_turn(host: Host) -> None:
    devices(host, 6)
    push = RecordingPush()
    sender = Sender(host, push, batch=2)
    long = sender.notifier.dispatch("shop", "all", HELLO)
    host.clock.move(seconds=1)
    short = sender.notifier.dispatch("shop", "installation:d5", Message(title="Short"))
    ended = served(sender, 2)
    assert [(each.id, each.accepted) for each in ended] == [(short.id, 1), (long.id, 6)]
    assert [sent.message.title for sent in push.sent].index("Short") == 2


def test_a_dispatch_that_waits_holds_up_no_other(host: Host) -> None:
    devices(host, 2)
    sender = Sender(host, answering({"d0": Retry("busy", after=600, hold=False)}))
    waiting = sender.notifier.dispatch("shop", "installation:d0", HELLO)
    host.clock.move(seconds=1)
    other = sender.notifier.dispatch("shop", "installation:d1", HELLO)
    assert [each.id for each in served(sender, 1)] == [other.id]
    told = sender.notifier.status(waiting.id)
    assert (told.state, told.retry, told.leaving) == ("running", 1, 0)


def test_a_dispatch_whose_audience_cannot_be_queried_any_more_is_paused(host: Host) -> None:
    devices(host, 2)
    host.people.define_segment("shop", "gone", "all")
    sender = Sender(host, RecordingPush())
    broken = sender.notifier.dispatch("shop", "segment:gone", HELLO)
    host.people.remove_segment("shop", "gone")
    host.clock.move(seconds=1)
    other = sender.notifier.dispatch("shop", "all", HELLO)
    assert [each.id for each in served(sender, 1)] == [other.id]
    told = sender.notifier.status(broken.id)
    assert (told.state, told.problem) == ("paused", "UNKNOWN_SEGMENT")


def test_outcomes_are_told_by_application_and_service(host: Host) -> None:
    devices(host, 3)
    host.device("apple", push_token="a", os="iOS")
    heard: list[tuple[str, str, dict[str, int]]] = []

    def observe(application: str, service: str, tally: Any) -> None:  # noqa: ANN401 # a mapping
        heard.append((application, service, dict(tally)))

    push = answering({"d0": Retry("busy")})
    sender = Sender(host, push, observe=observe)
    made = sender.notifier.dispatch("shop", "all", HELLO)
    sender.notifier.run(made.id, lambda _: sender.notifier.cancel(made.id))
    assert heard == [
        ("shop", "fcm", {"retry": 1, "accepted": 2}),
        ("shop", "apns", {"accepted": 1}),
    ]
