"""Keys of a sealed ledger that a store follows: they come late, and go with an erasure (R50)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from addressee.adapters.keys import MemoryKeyStore
from addressee.application import History, Identity, Profiles, Rights
from addressee.domain import StoreUnavailable
from tests.integration.following.stage import databases, same, staged
from tests.patience import PATIENCE, wait_until
from tests.servers.sinks.brokers import Broker


class LateKeys(MemoryKeyStore):
    """A key store that gets its keys a moment later: a copy of another one."""

    def __init__(self, source: MemoryKeyStore) -> None:
        super().__init__()
        self.source, self.known, self.asked = source, set[str](), Event()

    def find(self, ids: Collection[str]) -> Mapping[str, bytes | None]:
        found = {**super().find(ids), **self.source.find([*ids])}
        if any(each in found and each not in self.known for each in ids):
            self.asked.set()
        own = super().find(ids)
        return {n: found[n] for n in ids if n in found and (n in self.known or n in own)}


def test_R59_a_follower_waits_for_a_key_that_comes_later(
    nats_broker: Broker, tmp_path: Path
) -> None:
    keys = MemoryKeyStore()
    with staged(nats_broker.url, databases(tmp_path), keys=keys) as sealed:
        sealed.live(3)
        sealed.relay.catch_up()
        late = LateKeys(keys)
        copy = sealed.store(keys=late)
        follower, stop = sealed.follower(copy), Event()
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(follower.run, stop)
            assert late.asked.wait(PATIENCE)
            behind = copy.last() < sealed.source.last()
            with sealed.source.auditing() as audit:
                streams = {event.stream for event in audit.stored(None, 1_000)}
            owned = sealed.source.keys_of(streams).values()
            late.known |= {key for versions in owned for key in versions.values()}
            wait_until(lambda: copy.last() == sealed.source.last(), "the copy has all")
            stop.set()
            running.result(PATIENCE)
        assert behind
        assert same(sealed.source, copy)


class BusyKeys(MemoryKeyStore):
    """A copy of another key store, which can't be written for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = False

    def destroy(self, ids: Collection[str]) -> Mapping[str, str]:
        if self.busy:
            raise StoreUnavailable("the key store can't be reached")
        return super().destroy(ids)


def test_R50_keys_that_a_follower_could_not_destroy_go_when_it_begins_again(
    nats_broker: Broker, tmp_path: Path
) -> None:
    keys, copied = MemoryKeyStore(), BusyKeys()
    with staged(nats_broker.url, databases(tmp_path), keys=keys) as sealed:
        sealed.live(4)
        person = Profiles(sealed.source).find(Identity(external_id="p1"))
        assert person is not None
        copied.put(dict(keys._secrets))
        Rights(sealed.source, sealed.people).erase(person.name)
        copied.put({key: secret for key, secret in keys._secrets.items() if secret is not None})
        gone = keys.gone()
        sealed.relay.catch_up()
        copied.busy = True
        follower = sealed.follower(copy := sealed.store(keys=copied))
        with pytest.raises(StoreUnavailable, match="key store"):
            follower.catch_up()
        assert any(copied.find(gone).values())
        copied.busy = False
        follower.catch_up()
        assert not any(copied.find(gone).values())
        assert same(sealed.source, copy)
        times = copied.destroyed()
        sealed.follower(copy).catch_up()
        assert copied.destroyed() == times


def test_R50_R54_keys_of_a_device_that_is_erased_go_with_its_follower(
    nats_broker: Broker, tmp_path: Path
) -> None:
    keys, copied = MemoryKeyStore(), BusyKeys()
    with staged(nats_broker.url, databases(tmp_path), keys=keys) as sealed:
        sealed.live(2)
        told = sealed.people.register("shop", device_name="told to nobody").installation
        sealed.people.expire(told, "unregistered")
        copied.put(dict(keys._secrets))
        assert Rights(sealed.source, sealed.people).erase_installation(told).done
        copied.put({key: secret for key, secret in keys._secrets.items() if secret is not None})
        gone = keys.gone()
        assert any(copied.find(gone).values())
        sealed.relay.catch_up()
        copy = sealed.store(keys=copied)
        sealed.follower(copy).catch_up()
        assert not any(copied.find(gone).values())
        assert same(sealed.source, copy)
        assert "told to nobody" not in repr(History(copy).installation(told))
