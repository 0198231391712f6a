"""A follower at a stream that is not its own: it was made again, or is of another ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from addressee.adapters.following import Follower
from addressee.adapters.following.jetstream_consumer import JetStreamLedger
from addressee.adapters.sql import SqlStore
from addressee.domain import LedgerStreamInvalid
from tests.integration.following.stage import Stage, at_server, databases, staged
from tests.patience import PATIENCE
from tests.servers.sinks.brokers import Broker

Asked = Callable[[Follower], object]
ASKED: dict[str, Asked] = {
    "catch_up": Follower.catch_up,
    "step": Follower.step,
    "status": Follower.status,
    "promote": Follower.promote,
}


@pytest.fixture
def stage(nats_broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    with staged(nats_broker.url, databases(tmp_path)) as each:
        each.live(9)
        each.relay.catch_up()
        yield each


@pytest.fixture
def copy(stage: Stage) -> SqlStore:
    """Return a store that has followed to the end."""
    store = stage.store()
    stage.follower(store).catch_up()
    return store


def made_again(stage: Stage) -> None:
    async def renew(stream: Any) -> None:  # noqa: ANN401 # untyped in parts
        await stream.delete_stream(stage.name)
        await stream.add_stream(name=stage.name, subjects=[f"{stage.name}.>"])

    stage.relay.release()
    at_server(stage.url, renew)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_R59_a_stream_that_was_made_again_empty_is_refused(
    stage: Stage, copy: SqlStore, asked: Asked
) -> None:
    made_again(stage)
    with pytest.raises(LedgerStreamInvalid, match="made again"):
        asked(stage.follower(copy))
    assert stage.follower(copy).promote(alone=True).published is None  # on purpose


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_R59_a_stream_that_was_made_again_and_is_as_long_is_refused(
    stage: Stage, copy: SqlStore, asked: Asked
) -> None:
    made_again(stage)
    stage.live(1)
    stage.new_relay(page=8).catch_up()
    with pytest.raises(LedgerStreamInvalid, match="made again"):
        asked(stage.follower(copy))


@pytest.mark.parametrize("rounds", [1, 30], ids=["shorter", "longer"])
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_R59_the_stream_of_another_ledger_is_named_so_and_gets_no_consumer(
    stage: Stage, copy: SqlStore, tmp_path: Path, asked: Asked, rounds: int
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    consumers: list[Any] = []
    with staged(stage.url, databases(folder)) as other:
        other.live(rounds)
        other.relay.catch_up()
        stream = JetStreamLedger(other.url, other.name, timeout=PATIENCE)
        try:
            with pytest.raises(LedgerStreamInvalid, match="is of another ledger"):
                asked(Follower(copy, stream))
        finally:
            stream.close()

        async def look(at: Any) -> None:  # noqa: ANN401 # untyped in parts
            consumers.extend(await at.consumers_info(other.name))

        at_server(other.url, look)
    assert consumers == []


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_R59_a_stream_whose_newest_message_is_gone_is_refused(
    stage: Stage, copy: SqlStore, asked: Asked
) -> None:
    stage.live(3)
    stage.relay.catch_up()
    newest = stage.follower(copy)._stream.ends()[1]

    async def delete(stream: Any) -> None:  # noqa: ANN401 # untyped in parts
        await stream.delete_msg(stage.name, newest)

    at_server(stage.url, delete)
    with pytest.raises(LedgerStreamInvalid, match="not in the stream any more"):
        asked(stage.follower(copy))


def test_R59_a_promoted_store_has_no_use_for_its_stream(stage: Stage, copy: SqlStore) -> None:
    done = stage.follower(copy).promote()
    made_again(stage)
    follower = stage.follower(copy)
    assert follower.promote() == done
    found = follower.status()
    assert (found.state, found.position, found.behind) == ("promoted", done.position, 0)
