"""Dispatches are made, run, listed, paused and cancelled; and what is checked of them."""

from __future__ import annotations

from dataclasses import asdict
from random import Random
from typing import Any

import pytest

from addressee.adapters.push import RecordingPush
from addressee.application import (
    Accepted,
    Answer,
    Message,
    Notifier,
    Recipient,
    Retry,
    SendingStore,
    Unknown,
)
from addressee.domain import (
    ExpressionInvalid,
    InvalidValue,
    LimitExceeded,
    UnknownDispatch,
)
from tests.contract.conftest import Host
from tests.contract.sending.sender import HELLO, Sender, answering, devices, installations


def test_a_message_goes_to_an_audience_once_in_batches(host: Host) -> None:
    names = devices(host, 12)
    host.device("mute")
    host.login("d3", "ali")
    push = RecordingPush()
    sizes: list[int] = []
    sender = Sender(host, push, batch=5)
    made = sender.notifier.dispatch("shop", "all", HELLO)
    assert (made.state, made.recipients) == ("running", 0)
    done = sender.notifier.run(made.id, sizes.append)
    assert (done.state, done.recipients, done.accepted) == ("done", 12, 12)
    assert (done.without_address, done.problem) == (1, None)
    assert sizes == [5, 5, 2]
    assert installations(push) == names
    assert [sent.message for sent in push.sent] == [HELLO] * 12
    assert sender.notifier.run(made.id) == done, "a dispatch that is done was sent again"
    assert sender.notifier.dispatches("shop") == [done]
    assert sender.notifier.dispatches("bank") == []


def test_a_dry_run_sends_and_keeps_nothing(host: Host) -> None:
    devices(host, 12)
    host.device("mute")
    push = RecordingPush()
    sender = Sender(host, push)
    tried = sender.notifier.dispatch("shop", "all", HELLO, dry_run=True)
    assert (tried.id, tried.state, tried.recipients) == ("", "dry_run", 12)
    assert (tried.without_address, tried.sample) == (1, tuple(f"d{n}" for n in range(10)))
    assert push.sent == []
    assert sender.notifier.dispatches() == []


def test_pause_resume_cancel(host: Host) -> None:
    devices(host, 6)
    answers: dict[str, Answer] = {"d1": Retry("busy")}
    push = answering(answers)
    sender = Sender(host, push, batch=2)
    made = sender.notifier.dispatch("shop", "all", HELLO)
    paused = sender.notifier.run(made.id, lambda _: sender.notifier.pause(made.id))
    assert (paused.state, paused.accepted, paused.retry) == ("paused", 1, 1)
    assert sender.notifier.resume(made.id).state == "running"
    cancelled = sender.notifier.run(made.id, lambda _: sender.notifier.cancel(made.id))
    assert (cancelled.state, cancelled.retry, cancelled.not_sent) == ("cancelled", 0, 1)
    assert sender.notifier.resume(made.id).state == "cancelled"
    assert sender.notifier.run(made.id) == cancelled
    assert len(push.sent) == 4
    for call in (sender.notifier.run, sender.notifier.pause, sender.notifier.status):
        with pytest.raises(UnknownDispatch):
            call("missing")


def test_an_application_without_transport_is_not_run(host: Host) -> None:
    devices(host, 1)
    assert isinstance(host.store, SendingStore)
    notifier = Notifier(host.store, {("bank", "fcm"): RecordingPush()})
    made = notifier.dispatch("shop", "all", HELLO)
    with pytest.raises(InvalidValue, match="transports has none for shop"):
        notifier.run(made.id)
    assert notifier.status(made.id).state == "running"
    with pytest.raises(InvalidValue, match="Message"):
        notifier.dispatch("shop", "all", "Hello")  # type: ignore[arg-type] # the case


def test_a_notifier_tells_while_a_worker_holds_a_dispatch(host: Host) -> None:
    devices(host, 2)
    sender = Sender(host, RecordingPush())
    done = sender.send()
    host.clock.move(minutes=1)
    waiting = sender.notifier.dispatch("shop", "all", HELLO)
    assert isinstance(host.store, SendingStore)
    with host.store.sending() as worker:
        assert worker.dispatch(done.id) is not None
        assert sender.notifier.status(done.id) == done
        assert sender.notifier.dispatches() == [waiting, done]
        assert sender.notifier.running() == [waiting.id]


def test_history_tells_which_pushes_went_to_an_installation_and_to_whom(host: Host) -> None:
    host.device("phone", push_token="t")
    ali = host.login("phone", "ali")
    sender = Sender(host, RecordingPush())
    first = sender.send()
    host.people.depersonalize("phone")
    second = sender.send()
    told = host.history.pushes("phone")
    assert [(each.dispatch, each.person, each.outcome) for each in told] == [
        (first.id, ali, "accepted"),
        (second.id, None, "accepted"),
    ]
    assert told[0].detail.startswith("recorded-")
    reached = [asdict(each) for each in host.history.reached(first.id)]
    assert [(r["installation"], r["person"], r["outcome"]) for r in reached] == [
        ("phone", ali, "accepted")
    ]
    assert host.history.pushes("phone", within="shop") == told


@pytest.mark.parametrize("seed", range(3))
def test_history_finds_every_push_however_often_batches_were_sent_again(
    host: Host, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 # answers of a test
    names = devices(host, 12)
    host.device("elsewhere", application="other", push_token="t")

    def answer(_: Recipient) -> Answer:
        return random.choice((Accepted("id"), Accepted("id"), Retry("503"), Unknown("gone")))

    senders = [Sender(host, RecordingPush(answer), batch=random.randint(1, 5)) for _ in range(4)]
    sent = [each.send(resend_unknown=True) for each in senders]
    reached = [push for each in sent for push in host.history.reached(each.id)]
    assert len(reached) > 4 * 12, "some were sent again"
    for name in names:
        told = host.history.pushes(name)
        assert len(told) == len({*told}), "each batch once"
        assert {*told} == {push for push in reached if push.installation == name}
        assert [*told] == sorted(told, key=lambda push: push.at)
    assert host.history.pushes("elsewhere") == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, InvalidValue),
        ({"title": 5}, InvalidValue),
        ({"title": "x" * 5_000}, LimitExceeded),
        ({"title": "a", "ttl": -1}, InvalidValue),
        ({"title": "a", "ttl": True}, InvalidValue),
        ({"title": "a", "priority": "urgent"}, InvalidValue),
        ({"title": "a", "collapse_key": "x" * 65}, LimitExceeded),
        ({"data": {"a": 5}}, InvalidValue),
        ({"data": ["a"]}, InvalidValue),
        ({"data": {f"n{n}": "" for n in range(101)}}, LimitExceeded),
    ],
)
def test_a_message_is_checked(fields: dict[str, Any], error: type[InvalidValue]) -> None:
    with pytest.raises(error):
        Message(**fields)


def test_a_notifier_is_checked(host: Host) -> None:
    with pytest.raises(InvalidValue, match="batch"):
        Sender(host, RecordingPush(), batch=501)
    with pytest.raises(InvalidValue, match=r"rates\.fcm"):
        Sender(host, RecordingPush(), rates={"fcm": 0})
    with pytest.raises(ExpressionInvalid):
        Sender(host, RecordingPush()).send("tag:")
    with pytest.raises(InvalidValue, match="not indexed"):
        Sender(host, RecordingPush()).send("attr.none:1")
