"""What is cached of keys while others of them are destroyed."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from addressee.adapters.keys import MemoryKeyStore
from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.adapters.serialization.key_cache import AHEAD, KeyRing
from addressee.adapters.serialization.sealed_event_format import part_of
from addressee.adapters.serialization.sealing import Sealing
from addressee.domain import DevicePersonalized, Event, InstallationUpdated


class Overtaken(MemoryKeyStore):
    """A key store that calls something once, after it has found keys and before it answers."""

    overtake: Callable[[], object] | None = None

    def find(self, ids: Collection[str]) -> Mapping[str, bytes | None]:
        found = super().find(ids)
        if (overtake := self.overtake) is not None:
            self.overtake = None
            overtake()
        return found


def test_R50_a_key_destroyed_while_it_is_looked_up_opens_nothing_afterwards() -> None:
    keys = Overtaken()
    erased, other = (key.id for key in keys.new_keys(2))
    ring = KeyRing(keys)

    def erase() -> None:
        keys.destroy([erased])
        ring.ciphers([other])

    keys.overtake = erase
    assert ring.ciphers([erased])[erased] is not None, "it was there when the lookup began"
    assert ring.ciphers([erased]) == {erased: None}
    assert ring.cached(erased) is None
    assert ring.cached(other) is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_R50_a_forked_process_takes_none_of_the_keys_that_were_made_ahead() -> None:
    ring = KeyRing(MemoryKeyStore())
    ring.fresh()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(writer, "w") as answer:
            answer.write(" ".join(ring.fresh()[0] for _ in range(AHEAD)))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        theirs = {*answer.read().split()}
    assert os.waitpid(child, 0)[1] == 0
    assert len(theirs) == AHEAD
    assert theirs.isdisjoint({ring.fresh()[0] for _ in range(AHEAD)})


def key_in(row: Sequence[Any]) -> str:
    """Return the key that a row's event is sealed with."""
    part = part_of(row[-1])
    assert part is not None
    return part.key


def event(kind: type[Event], version: int, **fields: Any) -> Event:  # noqa: ANN401 # each event has its own
    stream, at = "installation:phone", datetime(2026, 11, 26, tzinfo=UTC)
    return kind(originator_id=stream, originator_version=version, timestamp=at, actor="device",
                **fields)  # fmt: skip


def told(version: int) -> Event:
    return event(InstallationUpdated, version, facts={"os": "iOS"})


@pytest.fixture
def sealing() -> Sealing:
    keys = MemoryKeyStore()
    [own] = keys.new_keys(1)
    return Sealing(keys, EventMapper(), "store", own.id)


def test_R50_a_key_of_before_a_handover_seals_nothing_after_it(sealing: Sealing) -> None:
    [first] = sealing.columns([told(1)])
    sealing.opened([(1, *first)], streams=True)
    sealing.columns(
        [event(DevicePersonalized, 2, person="ali", installation="phone", application="shop")]
    )
    sealing.opened([(1, *first)], streams=True)  # by a view from before the commit
    sealing.columns([told(2)])  # by another thread, which loses the race
    [third] = sealing.columns([told(3)])
    assert key_in(third) != key_in(first)
    [fourth] = sealing.columns([told(4)])
    assert key_in(fourth) == key_in(third), "from there on the key is known"


def test_R50_a_stream_goes_on_with_its_key_once_it_was_read_again(sealing: Sealing) -> None:
    [first] = sealing.columns([told(1)])
    sealing.columns([told(2)])  # is rolled back
    [second] = sealing.columns([told(2)])
    sealing.opened([(1, *first), (2, *second)], streams=True)
    [third] = sealing.columns([told(3)])
    assert key_in(third) == key_in(second)
