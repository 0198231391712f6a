"""Facts that go to other services: each at least once, in order, whatever the sink does (R42)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from addressee.application import (
    DeliveryFailed,
    FactMessage,
    Identity,
    MessageRefused,
    Published,
    Relay,
    RelayStore,
    SinkClosed,
    SinkProblem,
    Sinks,
    SinkUnavailable,
)
from addressee.domain import Conflict, InvalidValue, UnknownSink
from tests.contract.conftest import Host

Answer = Callable[[FactMessage], SinkProblem | None]


class Recording:
    """A sink that keeps what it confirms, and answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[FactMessage] = []
        self.answer: Answer = lambda _: None
        self.held: int | None = None

    def resume(self) -> int | None:
        return self.held

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        for confirmed, message in enumerate(messages):
            if problem := self.answer(message):
                return Published(confirmed, problem)
            self.taken.append(message)
        return Published(len(messages))

    def close(self) -> None:
        pass

    @property
    def positions(self) -> list[int]:
        return [message.position for message in self.taken]


class Line:
    """A relay of a store to a sink, whose waits cost no time."""

    def __init__(self, host: Host, **options: Any) -> None:  # noqa: ANN401 # of Relay
        assert isinstance(host.store, RelayStore)
        self.store, self.sink = host.store, Recording()
        self.sinks = Sinks(host.store, clock=host.clock)
        options = {"pauses": (1.0, 1.0), **options}
        self.relay = Relay(host.store, "crm", self.sink, clock=host.clock, **options)

    def run(self) -> None:
        """Relay until nothing is to do; pauses are over at once."""
        for _ in range(100):
            self.relay.catch_up()
            if self.relay._due == 0:
                return
            self.relay._due = 0


@pytest.fixture
def line(host: Host) -> Line:
    return Line(host, page=3)


def live(host: Host) -> None:
    """Have 4 devices change hands among 3 persons."""
    for n in range(4):
        host.device(f"d{n}")
        host.login(f"d{n}", f"p{n % 3}", set_primary=True, force_depersonalize=True)
    host.people.depersonalize("d0")
    host.people.personalize("d1", Identity(external_id="p0"), force_depersonalize=True)


def facts(host: Host) -> list[int]:
    """Return the positions of the ledger's facts, by the streams that hold them."""
    with host.store.reading() as view:
        events = view.events(0, 10_000)
    homes = {"PrimaryChanged": "person", "DevicePersonalized": "installation"}
    homes["DeviceDepersonalized"] = "installation"
    found: list[int] = []
    for position, event in events:
        category = event.originator_id.partition(":")[0]
        home = homes.get(type(event).__name__, category)
        if category == home and category in {"installation", "person"}:
            found.append(position)
    return found


def test_R42_every_fact_goes_out_once_and_in_order(host: Host, line: Line) -> None:
    live(host)
    line.run()
    assert line.sink.positions == facts(host)
    live(host)
    line.run()
    assert line.sink.positions == facts(host)
    status = line.sinks.status("crm")
    assert (status.sent, status.dead, status.retried) == (len(facts(host)), 0, 0)
    assert (status.behind, status.oldest, status.state) == (0, 0.0, "running")


def test_R42_a_message_is_a_cloud_event_without_personal_data(host: Host, line: Line) -> None:
    host.device("phone")
    identity = Identity(external_id="ali", emails=["ali@x.com"])
    person = host.people.personalize("phone", identity, {"first_name": "Ali"}).person
    line.run()
    events = [json.loads(message.content) for message in line.sink.taken]
    [bound] = [each for each in events if "Personalized" in each["type"]]
    sequence, previous = bound.pop("sequence"), bound.pop("previoussequence")
    assert len(sequence) == len(previous) == 19
    assert int(previous) < int(sequence) == int(bound.pop("id"))
    source = bound.pop("source")
    assert source.startswith("urn:addressee:")
    assert bound == {
        "specversion": "1.0",
        "type": "addressee.DevicePersonalized.v1",
        "subject": "installation:phone",
        "time": host.clock.now.isoformat(),
        "partitionkey": f"person:{person}",
        "datacontenttype": "application/json",
        "data": {
            "installation": "phone",
            "application": "shop",
            "person": person,
            "actor": "device",
        },
    }
    told = b"".join(message.content for message in line.sink.taken)
    assert b"ali@x.com" not in told
    assert b"Ali" not in told
    [created] = [each for each in events if "PersonCreated" in each["type"]]
    assert created["data"] == {"person": person, "actor": "device", "type": "CUSTOMER"}


@pytest.mark.parametrize("data", ["full", "none"])
def test_R42_a_sink_chooses_how_much_it_is_told(host: Host, data: str) -> None:
    line = Line(host, data=data, source="/ledger")
    host.people.register("shop", installation="phone", correlation_id="call-7")
    large = {f"note{n}": "x" * 4_000 for n in range(17)}
    host.people.update_installation("phone", attributes=dict(list(large.items())[:15]))
    host.people.update_installation("phone", attributes={n: f"{v[1:]}y" for n, v in large.items()})
    line.run()
    events = [json.loads(message.content) for message in line.sink.taken]
    assert all(each["source"] == "/ledger" for each in events)
    assert all(len(each.content) <= 64 * 1024 for each in line.sink.taken)
    if data == "none":
        assert all("data" not in each and "dataomitted" not in each for each in events)
        return
    assert events[0]["data"]["correlation_id"] == "call-7"
    assert events[1]["data"]["attributes"]["note3"] == "x" * 4_000
    assert events[2]["dataomitted"] is True
    assert "data" not in events[2]


def test_R42_what_failed_is_sent_again_from_the_first_that_is_not_confirmed(
    host: Host, line: Line
) -> None:
    live(host)
    tries = iter(range(1_000))

    def answer(_: FactMessage) -> SinkProblem | None:
        n = next(tries)
        return (
            SinkUnavailable("away") if n % 3 == 2 else DeliveryFailed("odd") if n % 7 == 6 else None
        )

    line.sink.answer = answer
    line.run()
    assert line.sink.positions == facts(host)
    status = line.sinks.status("crm")
    assert status.retried > 5
    assert (status.sent, status.dead) == (len(facts(host)), 0)


def test_R42_what_a_sink_refuses_is_set_aside_and_can_be_sent_again(host: Host, line: Line) -> None:
    live(host)
    bad, worse = facts(host)[4], facts(host)[7]
    problems: dict[int, SinkProblem] = {bad: MessageRefused("no"), worse: DeliveryFailed("broken")}
    line.sink.answer = lambda message: problems.get(message.position)
    line.run()
    assert line.sink.positions == [each for each in facts(host) if each not in problems]
    letters = list(line.sinks.dead_letters("crm"))
    assert [(each.position, each.reason) for each in letters] == [(bad, "no"), (worse, "broken")]
    assert line.sinks.status("crm").dead == 2
    assert line.sinks.resend("crm", [bad]) == 1
    line.run()
    assert [each.resend for each in line.sinks.dead_letters("crm")] == [False, False]
    problems.clear()
    assert line.sinks.resend("crm") == 2
    line.run()
    assert line.sink.positions[-2:] == [bad, worse]
    assert sorted(line.sink.positions) == facts(host)
    assert not list(line.sinks.dead_letters("crm"))
    ordered_again = 1  # that an operator had it sent again is an event too
    assert line.sink.taken[-1].reached == host.store.settled() - ordered_again


def test_R42_a_closed_sink_waits_for_an_operator_and_holds_no_other_up(
    host: Host, line: Line
) -> None:
    live(host)
    line.sink.answer = lambda _: SinkClosed("gone")
    other = Line(host)
    other.relay = Relay(line.store, "billing", other.sink)
    line.run()
    other.run()
    assert not line.sink.taken
    assert other.sink.positions == facts(host)
    status = line.sinks.status("crm")
    assert (status.state, status.problem) == ("closed", "gone")
    host.clock.move(seconds=90)
    status = line.sinks.status("crm")
    assert status.behind == host.store.settled()
    assert status.oldest == 90
    line.sink.answer = lambda _: None
    line.run()
    assert not line.sink.taken
    line.sinks.resume("crm")
    line.run()
    assert line.sink.positions == facts(host)
    assert [each.name for each in line.sinks.all()] == ["billing", "crm"]


def test_R42_a_sink_is_rewound_starts_from_now_and_is_paused(host: Host, line: Line) -> None:
    live(host)
    line.sinks.rewind("crm", None)
    line.run()
    assert line.sink.taken == []
    line.sinks.pause("crm")
    host.device("late")
    line.run()
    assert line.sink.taken == []
    assert line.sinks.resume("crm").state == "waiting"
    line.run()
    assert line.sink.positions == facts(host)[-1:]
    middle = facts(host)[5]
    line.sinks.rewind("crm", middle)
    line.run()
    assert line.sink.positions[1:] == facts(host)[6:]
    with pytest.raises(InvalidValue, match="position"):
        line.sinks.rewind("crm", 10_000)
    with pytest.raises(UnknownSink):
        line.sinks.resend("other")


def test_R42_what_the_sink_has_already_is_not_sent_again_but_after_a_rewind(
    host: Host, line: Line
) -> None:
    live(host)
    line.sink.held = held = facts(host)[4]
    line.run()
    assert line.sink.positions == facts(host)[5:]
    assert line.sinks.status("crm").sent == len(facts(host))
    line.sinks.rewind("crm", 0)
    line.relay._in_doubt = True
    line.run()
    assert line.sink.positions == facts(host)[5:] + facts(host)
    assert held


def test_R42_of_two_relays_one_works_and_the_other_takes_over(host: Host, line: Line) -> None:
    live(host)
    second = Line(host, page=3)
    assert line.relay.step() == 0
    assert second.relay.step() > 0
    assert second.sink.taken == []
    sent = len(line.sink.taken)
    line.relay._progress.release()
    second.run()
    assert line.sink.positions + second.sink.positions == facts(host)
    assert sent
    with pytest.raises(Conflict):
        line.relay._progress.advance(0, facts(host)[2], sent=3)
    assert line.sinks.status("crm").sent == len(facts(host))
