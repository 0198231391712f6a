"""Texts of pushes are kept no longer than the operator says."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from addressee.adapters.push import RecordingPush
from addressee.application import Answer, Retry
from addressee.application.sending import dispatch_commands
from addressee.domain import InvalidValue, UnknownDispatch
from tests.contract.conftest import Host
from tests.contract.sending.sender import HELLO, Killed, Sender, devices


def test_pushes_that_have_ended_are_forgotten_and_others_stay(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch_commands, "FORGOTTEN", 2)
    devices(host, 2)
    sender = Sender(host, RecordingPush())
    send, forget = sender.notifier, sender.notifier.forget
    old = [sender.send() for _ in range(5)]
    running = send.dispatch("shop", "all", HELLO)
    paused = send.pause(send.dispatch("shop", "all", HELLO).id)
    cancelled = send.cancel(send.dispatch("shop", "all", HELLO).id)
    host.clock.move(seconds=60)
    now = host.clock.now
    late = sender.send()
    assert forget(now - timedelta(days=1)) == 0
    assert forget(now, application="bank") == 0
    assert forget(now, dry_run=True) == len(old) + 1
    assert forget(now, application="shop") == len(old) + 1
    assert forget(now) == 0
    for each in (*old, cancelled):
        with pytest.raises(UnknownDispatch):
            send.status(each.id)
    left = {each.id for each in send.dispatches()}
    assert left == {running.id, paused.id, late.id}
    assert send.run(running.id).accepted == 2
    assert send.run(send.resume(paused.id).id).accepted == 2
    assert [push.dispatch for push in host.history.pushes("d0")].count(late.id) == 1
    with pytest.raises(InvalidValue):
        forget("yesterday")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # it is wrong on purpose


def test_a_dispatch_with_a_batch_on_its_way_is_not_forgotten(host: Host) -> None:
    devices(host, 1)

    def cancel(_: object) -> Retry:
        sender.notifier.cancel(made.id)
        assert sender.notifier.forget(host.clock.now + timedelta(days=1)) == 0
        return Retry("busy")

    sender = Sender(host, RecordingPush(cancel))
    made = sender.notifier.dispatch("shop", "all", HELLO)
    assert sender.notifier.run(made.id).state == "cancelled"
    host.clock.move(seconds=1)
    assert sender.notifier.forget(host.clock.now + timedelta(days=1)) == 1


def test_a_dispatch_that_was_cancelled_after_its_worker_had_gone_is_forgotten(host: Host) -> None:
    devices(host, 3)

    def die(_: object) -> Answer:
        raise Killed

    sender = Sender(host, RecordingPush(die))
    made = sender.notifier.dispatch("shop", "all", HELLO)
    with suppress(Killed):
        sender.notifier.run(made.id)
    assert sender.notifier.cancel(made.id).leaving == 3
    forget, tomorrow = sender.notifier.forget, host.clock.now + timedelta(days=1)
    assert forget(tomorrow) == forget(tomorrow, dry_run=True) == 0, "it may live"
    host.clock.move(seconds=16)
    assert forget(tomorrow, dry_run=True) == 1
    assert forget(host.clock.now - timedelta(seconds=10)) == 0, "it was made before, and lived then"
    assert forget(tomorrow) == 1
    with pytest.raises(UnknownDispatch):
        sender.notifier.status(made.id)
