"""The store goes away while a batch leaves, or before its outcomes are noted (R39, R40)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from addressee.adapters.push import RecordingPush
from addressee.application import (
    Answer,
    Dead,
    DispatchView,
    Notifier,
    Personalization,
    Recipient,
    Retry,
    SendingStore,
)
from addressee.domain import StoreUnavailable
from tests.contract.conftest import Host
from tests.contract.sending.sender import HELLO, Sender, answering, devices, installations

GONE = StoreUnavailable("the server is gone")


class Failing:
    """A store that loses the answer to the commit of a batch, as where its server dies then.

    Attributes:
        lost: what happens after each commit of which the answer is lost.
        late: what happens after a commit of which the answer comes late.
    """

    def __init__(self, store: SendingStore) -> None:
        self._store = store
        self.lost: list[Callable[[], object]] = []
        self.late: list[Callable[[], object]] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # of the store
        return getattr(self._store, name)

    @contextmanager
    def sending(self, *, alone: bool = False, recording: bool = False) -> Generator[DispatchView]:
        with self._store.sending(alone=alone, recording=recording) as view:
            yield view
        if alone and self.lost:
            self.lost.pop(0)()
            raise GONE
        if alone and self.late:
            self.late.pop(0)()


def on_failing(host: Host, push: RecordingPush, **options: Any) -> tuple[Failing, Notifier]:  # noqa: ANN401 # of Notifier
    assert isinstance(host.store, SendingStore)
    store = Failing(host.store)
    return store, Sender(host, push, cast("SendingStore", store), **options).notifier


@pytest.mark.parametrize("lost", [1, 3])
def test_R40_a_batch_of_which_the_leave_is_in_doubt_is_sent_once(host: Host, lost: int) -> None:
    devices(host, 4)
    push = RecordingPush()
    store, notifier = on_failing(host, push, batch=2)
    made = notifier.dispatch("shop", "all", HELLO)
    store.lost = [lambda: None] * lost
    done = notifier.run(made.id)
    assert (done.state, done.accepted, done.recipients) == ("done", 4, 4)
    assert sorted(installations(push)) == ["d0", "d1", "d2", "d3"]


def test_R39_whoever_logs_out_while_the_leave_of_a_batch_is_in_doubt_gets_nothing(
    host: Host,
) -> None:
    for name in devices(host, 4):
        host.login(name, f"p-{name}")
    push = RecordingPush()
    store, notifier = on_failing(host, push, batch=4)
    made = notifier.dispatch("shop", "type:customer", HELLO)
    store.lost = [lambda: host.people.depersonalize("d1")]
    done = notifier.run(made.id)
    assert installations(push) == ["d0", "d2", "d3"]
    assert (done.state, done.accepted, done.not_sent) == ("done", 3, 1)


def test_R40_a_dispatch_that_is_cancelled_while_a_leave_is_in_doubt_sends_nothing(
    host: Host,
) -> None:
    devices(host, 2)
    push = RecordingPush()
    store, notifier = on_failing(host, push)
    made = notifier.dispatch("shop", "all", HELLO)
    store.lost = [lambda: notifier.cancel(made.id)]
    done = notifier.run(made.id)
    assert push.sent == []
    assert (done.state, done.not_sent, done.leaving, done.retry) == ("cancelled", 2, 0, 0)


def test_R39_a_worker_that_was_stopped_since_its_batch_left_sends_to_nobody_who_logged_out(
    host: Host,
) -> None:
    for name in devices(host, 4):
        host.login(name, f"p-{name}")
    push = RecordingPush()
    store, notifier = on_failing(host, push, batch=2)
    made = notifier.dispatch("shop", "type:customer", HELLO)

    def stopped() -> None:
        host.people.depersonalize("d1")
        host.clock.move(hours=1)

    store.late = [stopped]
    done = notifier.run(made.id)
    assert sorted(installations(push)) == ["d0", "d2", "d3"]
    assert (done.state, done.accepted, done.not_sent) == ("done", 3, 1)


@pytest.mark.parametrize("resend_unknown", [False, True])
def test_R40_a_worker_that_goes_on_after_others_have_ended_the_dispatch_leaves_nothing_open(
    host: Host, *, resend_unknown: bool
) -> None:
    devices(host, 4)
    push, others = RecordingPush(), RecordingPush()
    store, notifier = on_failing(host, push, batch=2)
    made = notifier.dispatch("shop", "all", HELLO, resend_unknown=resend_unknown)

    def stopped() -> None:
        host.clock.move(hours=1)
        Sender(host, others).notifier.run(made.id)

    store.late = [stopped]
    done = notifier.run(made.id)
    twice = 2 if resend_unknown else 0
    assert push.sent == []
    assert (done.state, done.accepted, done.not_sent) == ("done", 2 + twice, 2 - twice)
    assert (done.retry, done.leaving, done.unknown) == (0, 0, 0)


def test_R40_a_retry_that_comes_after_others_have_ended_the_dispatch_is_not_open(
    host: Host,
) -> None:
    devices(host, 2)
    others = Sender(host, RecordingPush()).notifier

    def busy(_: Recipient) -> Answer:
        host.clock.move(minutes=5)
        others.run(made.id)
        return Retry("busy")

    notifier = Sender(host, RecordingPush(busy)).notifier
    made = notifier.dispatch("shop", "all", HELLO)
    done = notifier.run(made.id)
    assert (done.state, done.retry, done.not_sent) == ("done", 0, 2)


class Away(Personalization):
    """Commands of a store that is away for some calls.

    Attributes:
        calls: how many calls fail still.
    """

    calls = 0

    def expire_address(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 # of Personalization
        if self.calls:
            self.calls -= 1
            raise GONE
        return super().expire_address(*arguments, **options)


@pytest.mark.parametrize(("calls", "expires"), [(2, True), (100, False)])
def test_R40_outcomes_are_kept_where_a_dead_address_can_not_be_expired(
    host: Host, calls: int, *, expires: bool
) -> None:
    devices(host, 3)
    people = Away(host.store, clock=host.clock)
    people.calls = calls
    push = answering({"d1": Dead("gone")})
    notifier = Sender(host, push, people=people).notifier
    made = notifier.dispatch("shop", "all", HELLO)
    if expires:
        notifier.run(made.id)
    else:
        with pytest.raises(StoreUnavailable):
            notifier.run(made.id)
    done = notifier.run(made.id)
    assert (done.state, done.accepted, done.dead, done.unknown) == ("done", 2, 1, 0)
    assert len(push.sent) == 3
    assert ("d1" not in host.found("all")) == expires
