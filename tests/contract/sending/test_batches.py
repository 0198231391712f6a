"""Pushes in batches: nobody who was logged out before, nobody twice (R39, R40)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from time import monotonic
from typing import Any, cast

import pytest

from addressee.adapters.push import RecordingPush
from addressee.application import (
    Accepted,
    Answer,
    DispatchStatus,
    DispatchView,
    History,
    Message,
    Notifier,
    Recipient,
    Retry,
    SendingStore,
    Unknown,
)
from tests.contract.conftest import Host
from tests.contract.sending.sender import HELLO, Killed, Sender, answering, devices, installations


def test_R39_whoever_was_logged_out_before_a_batch_leaves_is_not_in_it(host: Host) -> None:
    for name in devices(host, 6):
        host.login(name, f"p-{name}")

    class Leaving(RecordingPush):
        def send(self, message: Message, recipients: Sequence[Recipient]) -> Iterator[Answer]:
            host.people.depersonalize("d3")
            return super().send(message, recipients)

    push = Leaving()
    sender = Sender(host, push, batch=2)
    done = sender.send("type:customer")
    assert installations(push) == ["d0", "d1", "d2", "d4", "d5"]
    assert done.accepted == 5
    history = History(host.store)
    for push_to in history.pushes("d4"):
        reached = host.reach.as_of(push_to.position).targets("shop", "type:customer")
        assert "d4" in list(reached)


def test_R39_logouts_that_race_with_batches_reach_nobody(host: Host, *, long: bool) -> None:
    """Whose batch left at a position belonged to somebody at that position."""
    names = devices(host, 400 if long else 40)
    for name in names:
        host.login(name, f"p-{name}")
    returned: dict[str, float] = {}
    late: list[str] = []

    def look(each: Recipient) -> Answer:
        if returned.get(each.installation, monotonic()) < asked[-1]:
            late.append(each.installation)
        return Accepted()

    class Asking:
        """Notes when each batch is asked for, before the transaction begins."""

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 # of the store
            return getattr(host.store, name)

        def sending(
            self, *, alone: bool = False, recording: bool = False
        ) -> AbstractContextManager[DispatchView]:
            if alone:
                asked.append(monotonic())
            assert isinstance(host.store, SendingStore)
            return host.store.sending(alone=alone, recording=recording)

    asked: list[float] = []
    notifier = Notifier(cast("SendingStore", Asking()), {"fcm": RecordingPush(look)}, batch=5)
    made = notifier.dispatch("shop", "type:customer", HELLO)

    def logout(part: int) -> None:
        for name in names[part::3]:
            host.people.depersonalize(name)
            returned[name] = monotonic()

    with ThreadPoolExecutor(3) as threads:
        done = threads.map(logout, range(3))
        ended = notifier.run(made.id)
        list(done)
    pushes = [*host.history.reached(made.id)]
    assert ended.state == "done"
    assert len(pushes) == ended.accepted
    assert late == []
    assert [push.installation for push in pushes if push.person is None] == []


def test_R39_a_retry_is_checked_again(host: Host) -> None:
    devices(host, 4)
    host.login("d0", "ali")
    host.login("d1", "bea")
    answers: dict[str, Answer] = dict.fromkeys(["d0", "d1"], Retry("busy"))
    push = answering(answers)

    def logout(_: int) -> None:
        answers.clear()
        host.people.depersonalize("d0")

    sender = Sender(host, push)
    made = sender.notifier.dispatch("shop", "external_id:ali or external_id:bea", HELLO)
    done = sender.notifier.run(made.id, logout)
    assert installations(push) == ["d0", "d1", "d1"]
    assert (done.accepted, done.not_sent, done.recipients) == (1, 1, 1)


def test_R40_a_batch_whose_worker_has_gone_is_unknown_and_not_sent_again(host: Host) -> None:
    devices(host, 4)
    done = gone(host, resend_unknown=False)
    assert (done.state, done.accepted, done.unknown, done.recipients) == ("done", 2, 2, 4)


def test_R40_batches_that_are_not_due_or_wait_for_a_retry_are_left_out_where_asked(
    host: Host,
) -> None:
    """However many batches wait for a retry, the choice of the next one reads none of them."""
    devices(host, 6)
    sender = Sender(host, RecordingPush(lambda _: Retry("busy", after=60, hold=False)), batch=2)
    made = sender.notifier.dispatch("shop", "all", HELLO)

    class Stop(Exception):
        pass

    def stop(_: int) -> None:
        sender.host.clock.move(seconds=1)
        if len(numbers()) == 3:
            raise Stop

    def numbers(**only: Any) -> list[int]:  # noqa: ANN401 # of open_batches
        assert isinstance(host.store, SendingStore)
        with host.store.sending() as view:
            return [each.number for each in view.open_batches(made.id, 10, **only)]

    with suppress(Stop):
        sender.notifier.run(made.id, stop)
    begun = host.clock() - timedelta(seconds=3)
    assert numbers() == [1, 2, 3]
    assert numbers(leaving=True) == []
    assert numbers(due=begun) == []
    assert numbers(due=begun + timedelta(seconds=61)) == [1, 2]


def test_R40_it_is_sent_again_where_the_dispatch_says_so(host: Host) -> None:
    devices(host, 4)
    done = gone(host, resend_unknown=True)
    assert (done.state, done.accepted, done.unknown, done.recipients) == ("done", 4, 0, 4)


@pytest.mark.parametrize("resend_unknown", [False, True])
def test_R40_however_many_batches_are_abandoned_none_stays_open(
    host: Host, *, resend_unknown: bool
) -> None:
    """More than a batch has members."""
    devices(host, 6)

    def die(_: Recipient) -> Answer:
        raise Killed

    made = Sender(host, RecordingPush()).notifier.dispatch(
        "shop", "all", HELLO, resend_unknown=resend_unknown
    )
    for _ in range(3):
        with pytest.raises(Killed):
            Sender(host, RecordingPush(die), batch=1).notifier.run(made.id)
    host.clock.move(seconds=60)
    push = RecordingPush()
    done = Sender(host, push, batch=1).notifier.run(made.id)
    assert (done.state, done.leaving, done.retry) == ("done", 0, 0)
    assert (done.unknown, done.accepted) == ((0, 6) if resend_unknown else (3, 3))
    assert len(push.sent) == done.accepted


def gone(host: Host, *, resend_unknown: bool) -> DispatchStatus:
    def die(_: Recipient) -> Answer:
        raise Killed

    dying = Sender(host, RecordingPush(die), batch=2)
    made = dying.notifier.dispatch("shop", "all", HELLO, resend_unknown=resend_unknown)
    with pytest.raises(Killed):
        dying.notifier.run(made.id)
    assert dying.notifier.status(made.id).leaving == 2
    push = RecordingPush()
    done = Sender(host, push, batch=2).notifier.run(made.id)
    first = ["d0", "d1"] if resend_unknown else []
    assert sorted(installations(push)) == [*first, "d2", "d3"]
    return done


def test_R40_a_worker_that_was_taken_for_gone_still_tells_what_became_of_it(host: Host) -> None:
    devices(host, 2)
    other = Sender(host, RecordingPush())
    seen: list[DispatchStatus] = []

    class Slow(RecordingPush):
        def send(self, message: Message, recipients: Sequence[Recipient]) -> Iterator[Answer]:
            host.clock.move(minutes=5)
            seen.append(other.notifier.run(made.id))
            return super().send(message, recipients)

    slow = Sender(host, Slow())
    made = slow.notifier.dispatch("shop", "all", HELLO)
    done = slow.notifier.run(made.id)
    assert [(each.state, each.unknown) for each in seen] == [("done", 2)]
    assert (done.state, done.accepted, done.unknown) == ("done", 2, 0)


def test_R40_what_a_transport_raises_leaves_the_rest_unknown(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    devices(host, 3)

    def break_off(each: Recipient) -> Answer:
        if each.installation == "d1":
            raise OSError("secret address")
        return Accepted("one")

    done = Sender(host, RecordingPush(break_off)).send()
    assert (done.state, done.accepted, done.unknown) == ("done", 1, 2)
    assert "OSError" in caplog.text
    assert "secret address" not in caplog.text
    [told] = host.history.pushes("d2")
    assert (told.outcome, told.detail) == ("unknown", "the transport failed: OSError")


def test_R40_an_unknown_answer_is_not_sent_again(host: Host) -> None:
    devices(host, 2)
    push = answering({"d0": Unknown("GOAWAY")})
    done = Sender(host, push).send()
    assert (done.unknown, done.accepted, len(push.sent)) == (1, 1, 2)
    again = answering({"d0": Unknown("GOAWAY")})
    done = Sender(host, again).send(resend_unknown=True)
    assert (done.unknown, done.accepted, len(again.sent)) == (1, 1, 7)
