"""Pushes in batches: nobody who was logged out before, nobody twice (R39 to R41)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, cast

import pytest

from addressee.adapters.push import RecordingPush
from addressee.application import (
    Accepted,
    Answer,
    Dead,
    DispatchStatus,
    DispatchView,
    History,
    Message,
    Notifier,
    PushTransport,
    Recipient,
    Rejected,
    Retry,
    SendingStore,
    Unknown,
)
from addressee.domain import (
    ExpressionInvalid,
    InstallationExpired,
    InvalidValue,
    LimitExceeded,
    UnknownDispatch,
)
from tests.contract.conftest import Host

HELLO = Message(title="Hello", body="there", data={"n": "1"}, ttl=60, collapse_key="news")


class Sender:
    """A notifier on a store, whose clock moves when it sleeps."""

    def __init__(self, host: Host, transport: PushTransport, **options: Any) -> None:  # noqa: ANN401 # of Notifier
        assert isinstance(host.store, SendingStore)
        self.host = host
        self.slept = 0.0
        self.notifier = Notifier(
            host.store,
            {"fcm": transport, "apns": transport},
            people=host.people,
            clock=host.clock,
            sleep=self.sleep,
            **options,
        )

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.host.clock.move(seconds=seconds)

    def send(self, audience: str = "all", **options: bool) -> DispatchStatus:
        made = self.notifier.dispatch("shop", audience, HELLO, **options)
        return self.notifier.run(made.id)


def devices(host: Host, count: int, **facts: str) -> list[str]:
    return [host.device(f"d{n}", push_token=f"t{n}", **facts) for n in range(count)]


def installations(push: RecordingPush) -> list[str]:
    return [sent.recipient.installation for sent in push.sent]


def answering(answers: dict[str, Answer]) -> RecordingPush:
    return RecordingPush(lambda each: answers.get(each.installation, Accepted("ok")))


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
    names = devices(host, 400 if long else 80)
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

        def sending(self, *, alone: bool = False) -> AbstractContextManager[DispatchView]:
            if alone:
                asked.append(monotonic())
            assert isinstance(host.store, SendingStore)
            return host.store.sending(alone=alone)

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


def test_R40_it_is_sent_again_where_the_dispatch_says_so(host: Host) -> None:
    devices(host, 4)
    done = gone(host, resend_unknown=True)
    assert (done.state, done.accepted, done.unknown, done.recipients) == ("done", 4, 0, 4)


class Killed(BaseException):
    """Stands for a process that is gone at this point."""


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


def test_R41_a_dead_address_expires_the_installation_that_still_has_it(host: Host) -> None:
    devices(host, 12)
    before, after = host.clock.now - timedelta(days=1), host.clock.now + timedelta(days=1)

    def rotate(each: Recipient) -> Answer:
        if each.installation == "d1":
            host.people.update_installation("d1", push_token="new")
        deaths: dict[str, datetime | None] = {"d0": None, "d1": None, "d10": before, "d11": after}
        if each.installation in deaths:
            return Dead("Unregistered", deaths[each.installation])
        return Accepted()

    sender = Sender(host, RecordingPush(rotate))
    for n in range(12, 40):
        host.device(f"d{n}", push_token=f"t{n}")
    done = sender.send()
    assert (done.state, done.dead, done.accepted) == ("done", 4, 36)
    live = host.found("all")
    assert [n for n in range(40) if f"d{n}" not in live] == [0, 11]
    [*_, (_, last)] = host.history.installation("d0")
    assert isinstance(last, InstallationExpired)
    assert last.reason == "token_rejected"
    assert (last.actor, last.correlation_id) == ("policy:dispatch", done.id)


def test_R41_a_wave_of_dead_addresses_pauses_and_expires_nobody(host: Host) -> None:
    devices(host, 10)
    dead: dict[str, Answer] = dict.fromkeys(["d0", "d2", "d4"], Dead("Unregistered"))
    push = answering(dead)
    sender = Sender(host, push, batch=5)
    stopped = sender.send()
    assert (stopped.state, stopped.dead, stopped.accepted) == ("paused", 3, 2)
    assert stopped.problem is not None
    assert "fcm" in stopped.problem
    assert host.reach.count("shop", "all") == 10
    assert sender.notifier.run(stopped.id).state == "paused"
    assert sender.notifier.resume(stopped.id).problem is None
    done = sender.notifier.run(stopped.id)
    assert (done.state, done.dead, done.accepted) == ("done", 3, 7)
    assert host.reach.count("shop", "all") == 10


def test_R41_a_wave_is_that_of_one_service(host: Host) -> None:
    devices(host, 20)
    for n in range(2):
        host.device(f"apple{n}", push_token=f"a{n}", os="iOS")
    dead: dict[str, Answer] = {
        **dict.fromkeys(["apple0", "apple1"], Dead("Unregistered")),
        "d0": Dead("Unregistered"),
    }
    stopped = Sender(host, answering(dead)).send()
    assert (stopped.state, stopped.dead) == ("paused", 3)
    assert host.reach.count("shop", "os:ios") == 2
    assert host.reach.count("shop", "all") == 21


def test_a_service_that_asks_to_wait_is_waited_for(host: Host) -> None:
    devices(host, 3)
    answers: dict[str, Answer] = {"d0": Retry("429", after=60)}
    push = answering(answers)
    sender = Sender(host, push, batch=2)
    made = sender.notifier.dispatch("shop", "all", HELLO)
    begun = host.clock.now
    times: list[float] = []

    def note(_: int) -> None:
        answers.clear()
        times.append((host.clock.now - begun).total_seconds())

    done = sender.notifier.run(made.id, note)
    assert installations(push) == ["d0", "d1", "d0", "d2"]
    assert times[0] == 0
    assert times[1] >= 60
    assert (done.state, done.accepted, done.retry) == ("done", 3, 0)


def test_a_service_that_never_takes_it_is_given_up(host: Host) -> None:
    devices(host, 1)
    push = answering({"d0": Retry("503")})
    done = Sender(host, push).send()
    assert (done.state, done.rejected, len(push.sent)) == ("done", 1, 6)


def test_a_wrong_configuration_pauses(host: Host) -> None:
    devices(host, 4)
    push = answering({"d0": Rejected("SENDER_ID_MISMATCH", misconfigured=True)})
    stopped = Sender(host, push, batch=2).send()
    assert (stopped.state, stopped.rejected, stopped.accepted) == ("paused", 1, 1)
    assert stopped.problem == "fcm refuses every message: SENDER_ID_MISMATCH"


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


def test_a_rate_is_kept(host: Host) -> None:
    devices(host, 10)
    sender = Sender(host, RecordingPush(), batch=2, rates={"fcm": 0.5})
    sender.send()
    assert sender.slept == pytest.approx(20, abs=0.1)


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


def test_a_service_without_transport_is_rejected(host: Host) -> None:
    host.device("phone", push_token="t", push_service="HMS")
    done = Sender(host, RecordingPush()).send()
    assert (done.state, done.rejected) == ("done", 1)


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
