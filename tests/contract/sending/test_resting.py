"""Dispatches that wait for an answer or a retry: others have their turn meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Event

import pytest

from addressee.adapters.push import RecordingPush
from addressee.application import Answer, DispatchStatus, Recipient, Retry
from addressee.application.sending import dispatch_scheduler
from tests.contract.conftest import Host
from tests.contract.sending.sender import HELLO, Killed, Sender, answering, devices


class Ticking(Event):
    """Moves the clock where the dispatcher waits, and ends it at a time."""

    def __init__(self, host: Host, until: datetime) -> None:
        super().__init__()
        self.host, self.until = host, until

    def wait(self, timeout: float | None = None) -> bool:
        self.host.clock.move(seconds=timeout or 0)
        if self.host.clock() > self.until:
            self.set()
        return self.is_set()


def test_dispatches_that_wait_keep_none_from_its_start(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch_scheduler, "AT_ONCE", 2)
    devices(host, 2)
    sender = Sender(host, answering({"d0": Retry("busy", after=600, hold=False)}))
    waiting = [sender.notifier.dispatch("shop", "installation:d0", HELLO) for _ in range(3)]
    at = host.clock() + timedelta(seconds=2)
    made = sender.notifier.dispatch("shop", "installation:d1", HELLO, starts_at=at)
    ended: list[str] = []

    stop = Ticking(host, at + timedelta(seconds=30))

    def end(status: DispatchStatus) -> None:
        ended.append(status.id)
        stop.set()

    sender.notifier.serve(stop, end)
    assert ended == [made.id]
    told = [sender.notifier.status(each.id) for each in waiting]
    assert [(each.state, each.retry) for each in told] == [("running", 1)] * 3


def test_R40_what_is_cancelled_while_it_waits_for_a_worker_that_is_gone_ends(host: Host) -> None:
    devices(host, 2)

    def die(_: Recipient) -> Answer:
        raise Killed

    dying = Sender(host, RecordingPush(die))
    made = dying.notifier.dispatch("shop", "all", HELLO)
    with pytest.raises(Killed):
        dying.notifier.run(made.id)
    notifier = Sender(host, RecordingPush()).notifier
    begun, ended = host.clock(), list[DispatchStatus]()

    class Cancelling(Ticking):
        """Cancels the dispatch when its turn has been given to others."""

        def wait(self, timeout: float | None = None) -> bool:
            if not ended and host.clock() - begun > 2 * dispatch_scheduler.LOOK:
                notifier.cancel(made.id)
            return super().wait(timeout)

    notifier.serve(Cancelling(host, begun + timedelta(minutes=1)), ended.append)
    assert [(each.state, each.leaving, each.unknown) for each in ended] == [("cancelled", 0, 2)]
    assert notifier.forget(host.clock()) == 1
