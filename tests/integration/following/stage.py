"""A source, its stream, and stores that follow it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import ExitStack, contextmanager
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

import nats

from addressee.adapters.events.jetstream import JetStreamSink
from addressee.adapters.following import Follower, LedgerPages
from addressee.adapters.following.jetstream_consumer import JetStreamLedger
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Relay, Seal, Stored, Targeting, verify
from tests.patience import PATIENCE

STREAMS = count(1)
PAGE = 5_000


class Stage:
    """One source, and what makes followers of it.

    Args:
        url: of the server of the stream.
        new_url: makes a database.
        keys: of the source, if it is sealed.
    """

    def __init__(self, url: str, new_url: Callable[[], str], **options: Any) -> None:  # noqa: ANN401 # of SqlStore
        self.url, self._new_url = url, new_url
        self._stack = ExitStack()
        self.name = f"LEDGER{next(STREAMS)}"
        self.source = self._stack.enter_context(SqlStore(new_url(), **options))
        self.people = Personalization(self.source)
        self.relay = self.new_relay()

    def new_relay(self, source: SqlStore | None = None, page: int = 7) -> Relay:
        store = source or self.source
        sink = JetStreamSink(self.url, self.name, self.name, timeout=PATIENCE)
        relay = Relay(store, "copy", sink, pages=LedgerPages(store), page=page)
        self._stack.callback(relay.close)
        return relay

    def store(self, **options: Any) -> SqlStore:  # noqa: ANN401 # of SqlStore
        return self._stack.enter_context(SqlStore(self._new_url(), **options))

    def follower(self, store: SqlStore) -> Follower:
        stream = JetStreamLedger(self.url, self.name, timeout=PATIENCE)
        self._stack.callback(stream.close)
        return Follower(store, stream, key=self.source.identifier_key, wait=0.05, lease=PATIENCE)

    def live(self, rounds: int = 3) -> None:
        """Have persons sign in on devices and out again."""
        for n in range(rounds):
            device = self.people.register("shop", push_token=f"token-{n}", os="iOS").installation
            who = Identity(external_id=f"p{n % 4}", emails=[f"p{n % 4}@x.com"])
            self.people.personalize(device, who, tags={"vip"}, set_primary=True)
            if n % 3 == 2:
                self.people.depersonalize(device)

    def close(self) -> None:
        self._stack.close()


@contextmanager
def staged(url: str, new_url: Callable[[], str], **options: Any) -> Generator[Stage]:  # noqa: ANN401 # of SqlStore
    stage = Stage(url, new_url, **options)
    try:
        yield stage
    finally:
        stage.close()


def databases(folder: Path) -> Callable[[], str]:
    def new() -> str:
        return f"sqlite:///{folder}/store{len([*folder.iterdir()])}.db"

    return new


def ledger(store: SqlStore) -> list[Stored]:
    with store.auditing() as audit:
        return [*audit.stored(None, 1_000_000)]


def seal_of(store: SqlStore) -> tuple[int, bytes, str | None]:
    """Return what a seal of all there is says, whenever it was made."""
    newest = store.seal()
    assert isinstance(newest, Seal)
    return newest.last, newest.digest, newest.key_fingerprint


def same(one: SqlStore, other: SqlStore) -> bool:
    """Whether two stores have the same ledger, and each the read models that follow from it."""
    checked = [verify(store).differences for store in (one, other)]
    assert checked == [(), ()], checked
    return equal(one, other)


def equal(one: SqlStore, other: SqlStore) -> bool:
    """Whether two stores have the same events, streams, seals and audiences."""
    everybody = (Targeting(store).targets("shop", "all") for store in (one, other))
    return (
        ledgers_equal(one, other)
        and seal_of(one) == seal_of(other)
        and all(a == b for a, b in zip_longest(*everybody))
    )


def ledgers_equal(one: SqlStore, other: SqlStore) -> bool:
    """Whether two stores have the same events at the same positions, and the same streams."""
    after = 0
    with one.auditing() as first, other.auditing() as second:
        while page := first.stored(after, PAGE):
            begun = {event.stream: 0 for event in page if event.version == 1}
            if page != second.stored(after, PAGE) or first.streams(begun) != second.streams(begun):
                return False
            after = page[-1].position
        return not second.stored(after, 1)


def at_server(url: str, work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Do something with JetStream as nobody should."""

    async def connected() -> None:
        client: Any = await nats.connect(url)  # pyright: ignore[reportUnknownMemberType] # untyped options
        try:
            await work(client.jetstream(timeout=PATIENCE))
        finally:
            await client.close()

    asyncio.run(connected())
