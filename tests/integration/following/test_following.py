"""A store elsewhere that follows a ledger: whole, exact, and promoted when the source is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from addressee.adapters.following.ledger_copy import LedgerCopy
from addressee.adapters.following.page import Arrived
from addressee.adapters.sql import SqlStore
from addressee.application import (
    Administration,
    History,
    Identity,
    Personalization,
    Sinks,
    Targeting,
    rekey,
)
from addressee.domain import (
    InvalidValue,
    LedgerStreamInvalid,
    MobileApp,
    StoreFollows,
    StoreNotEmpty,
    StoreUnavailable,
)
from tests.integration.following.stage import Stage, ledger, same, staged
from tests.patience import PATIENCE, wait_until
from tests.servers import client, http_server
from tests.servers.sinks.brokers import Broker


@pytest.fixture
def stage(nats_broker: Broker, new_url: Callable[[], str]) -> Iterator[Stage]:
    with staged(nats_broker.url, new_url) as each:
        yield each


def test_R59_a_follower_has_the_ledger_at_its_positions_and_is_promoted(stage: Stage) -> None:
    stage.live(12)
    Administration(stage.source, "operator:ana").start("rebuild")
    stage.relay.catch_up()
    copy = stage.store()
    follower = stage.follower(copy)
    follower.catch_up()
    assert same(stage.source, copy)
    status = follower.status()
    assert (status.state, status.behind, status.lag) == ("following", 0, 0.0)
    assert status.position == status.published == stage.source.settled()

    stage.live(2)
    assert follower.status().behind == 0  # nobody has told the stream yet
    stage.relay.catch_up()
    late = follower.status()
    assert late.behind == stage.source.settled() - status.position > 0
    assert late.lag > 0
    again = stage.follower(copy)  # as after a restart
    again.catch_up()
    assert same(stage.source, copy)

    opened_before = Personalization(copy)
    for command in (
        lambda: opened_before.register("shop"),
        lambda: opened_before.personalize(device_of(copy), Identity(external_id="p0")),
        lambda: opened_before.depersonalize(device_of(copy)),
        lambda: copy.sending().__enter__(),
        lambda: rekey(copy),
    ):
        with pytest.raises(StoreFollows):
            command()
    assert same(stage.source, copy)

    Administration(copy, "operator:ana").start("rebuild")  # it changes nothing of the source's
    assert same(stage.source, copy)
    promoted = follower.promote()
    assert promoted.position == promoted.published == stage.source.settled()
    assert follower.promote(alone=True).promoted_at == promoted.promoted_at
    Administration(copy, "operator:bea").start("rebuild")
    told = History(copy).actions("shop", whole=True)
    assert [each.event.actor for each in told] == ["operator:bea", "operator:ana"]
    device = opened_before.register("shop", push_token="new").installation
    opened_before.personalize(device, Identity(external_id="p0"), force_depersonalize=True)
    assert ledger(copy)[: len(ledger(stage.source))] == ledger(stage.source)
    assert device in [*Targeting(copy).targets("shop", "external_id:p0")]
    assert len({event.position for event in ledger(copy)}) == len(ledger(copy))
    with pytest.raises(InvalidValue, match="promoted"):
        again.run(Event())
    assert follower.status().state == "promoted"


def device_of(store: SqlStore) -> str:
    """Return the id of a device on which somebody is."""
    return next(iter(Targeting(store).targets("shop", "primary")))


def test_R59_a_backend_that_sends_commands_to_a_follower_is_told_where_they_go(
    stage: Stage,
) -> None:
    stage.live(1)
    stage.relay.catch_up()
    copy = stage.store()
    stage.follower(copy).catch_up()
    operator = Administration(copy)
    operator.put(MobileApp(code="shop"))
    key = operator.issue_key("shop", "backend")
    url = copy.database.engine.url.render_as_string(hide_password=False)
    with http_server(url) as served, client(served.url) as backend:
        backend.headers["Authorization"] = f"App {key}"
        told = backend.post("/v1/commands/depersonalize", json={"installation": device_of(copy)})
        asked = backend.post("/v1/audiences/count", json={"expression": "all"})
    assert (told.status_code, told.json()["code"]) == (503, "STORE_FOLLOWS")
    assert "send commands there, or promote this one" in told.json()["detail"]
    assert asked.json() == {"count": 1}


def test_R59_a_promotion_wins_over_a_follower_at_work(stage: Stage) -> None:
    stage.live(6)
    stage.relay.catch_up()
    copy = stage.store()
    worker, stop = stage.follower(copy), Event()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(worker.run, stop)
        try:
            wait_until(lambda: copy.last() > 0, "it works")
            stage.live(6)
            stage.relay.catch_up()
            other = stage.follower(copy)
            other.catch_up()  # waits until the worker has them
            promoted = other.promote()
            with pytest.raises(InvalidValue, match="promoted"):
                running.result(PATIENCE)
        finally:
            stop.set()
    assert promoted.position == promoted.published == stage.source.settled()
    assert same(stage.source, copy)
    Personalization(copy).register("shop")


def test_R59_a_follower_waits_for_one_at_work_and_says_if_that_does_not_get_on(
    stage: Stage,
) -> None:
    stuck, follower = (stage.follower(copy) for copy in [stage.store()] * 2)
    follower._lease_seconds = 0.1  # for which it waits twice
    for _ in range(2):
        stage.live(3)
        stage.relay.catch_up()
        follower.catch_up()
        assert stuck._lease.take() is not None  # and it does nothing
        stage.live(1)
        stage.relay.catch_up()
        with pytest.raises(StoreUnavailable, match="does not get on: followed ledger is held by"):
            follower.catch_up()
        stuck._lease.release()
    stuck._lease.take()
    assert follower.promote().position == stage.source.settled()  # a promotion waits for nobody


def test_R59_messages_that_another_follower_takes_at_that_moment_are_no_conflict(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.live(6)
    stage.relay.catch_up()
    copy = stage.store()
    follower = stage.follower(copy)
    follower.catch_up()
    stage.live(6)
    stage.relay.catch_up()
    take, other = follower._stream.take, LedgerCopy(copy, stage.source.identifier_key)

    def take_late(limit: int, seconds: float) -> list[Arrived]:
        monkeypatch.undo()
        arrived = take(limit, seconds)
        other.begin()
        for message in arrived:
            other.receive(message)
        return arrived

    monkeypatch.setattr(follower._stream, "take", take_late)
    follower.catch_up()
    assert same(stage.source, copy)


def test_R59_a_new_identifier_key_has_followers_say_how_to_go_on(stage: Stage) -> None:
    stage.live(6)
    stage.relay.catch_up()
    copy = stage.store()
    follower = stage.follower(copy)
    follower.catch_up()
    before = ledger(copy)
    rekey(stage.source)
    stage.live(2)
    stage.relay.catch_up()
    with pytest.raises(LedgerStreamInvalid, match="empty store follow a new stream, with the new"):
        follower.catch_up()
    assert ledger(copy) == before
    assert [*Targeting(copy).targets("shop", "external_id:p0")]
    stage.relay.release()
    stage.name = f"{stage.name}B"
    stage.new_relay().catch_up()
    renewed = stage.store()
    stage.follower(renewed).catch_up()
    assert same(stage.source, renewed)


def test_R59_a_relay_goes_on_where_the_stream_is_whatever_it_has_noted(stage: Stage) -> None:
    stage.live(8)
    stage.relay.step()
    sinks = Sinks(stage.source)
    stage.relay.release()
    sinks.rewind("copy", 0)
    other = stage.new_relay(page=3)  # its pages are cut elsewhere
    other.catch_up()
    other.release()
    sinks.rewind("copy", None)
    stage.live(3)
    third = stage.new_relay()
    third.catch_up()
    copy = stage.store()
    stage.follower(copy).catch_up()
    assert same(stage.source, copy)
    assert sinks.status("copy").dead == 0


def test_R59_a_store_that_is_in_use_or_follows_nothing_is_left_alone(stage: Stage) -> None:
    stage.live(2)
    stage.relay.catch_up()
    own = stage.store()
    people = Personalization(own)
    people.register("shop")
    before = ledger(own)
    follower = stage.follower(own)
    with pytest.raises(InvalidValue):
        follower.status()
    with pytest.raises(InvalidValue):
        follower.promote(alone=True)
    own.identifier_key = stage.source.identifier_key
    with pytest.raises(StoreNotEmpty):
        follower.catch_up()
    people.register("shop")
    assert ledger(own)[: len(before)] == before
