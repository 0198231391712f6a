"""What a follower does with a stream that is not the ledger: it stops, and nothing is half done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addressee.adapters.following import Follower, LedgerPages
from addressee.adapters.following.ledger_copy import LedgerCopy
from addressee.adapters.following.page import Arrived, digest_after, read_page
from addressee.adapters.keys import MemoryKeyStore
from addressee.adapters.ledger_files.jsonl import line_of
from addressee.adapters.sql import SqlStore
from addressee.application import Targeting
from addressee.domain import (
    IdentifierKeyWrong,
    LedgerStreamInvalid,
    StoreNotSealed,
    StoreSealed,
    StoreUnavailable,
)
from tests.integration.following.stage import Stage, at_server, databases, ledger, same, staged
from tests.servers.sinks.brokers import Broker

Messages = list[Arrived]


@pytest.fixture(scope="module")
def stage(nats_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a source whose ledger is in a stream."""
    folder = tmp_path_factory.mktemp("followed")
    with staged(nats_broker.url, databases(folder)) as each:
        each.live(15)
        each.relay.catch_up()
        yield each


def signed(message: Arrived, key: bytes) -> Arrived:
    """Return a message as one who has the identifier key would sign it."""
    page, body = read_page(message), message.content.partition(b"\n")[2]
    return message._replace(content=page.heading.signed(body, key).line() + body)


def forged(message: Arrived) -> Arrived:
    """Return a message with another event, and the digest that follows from it."""
    page = read_page(changed(message, b"iOS", b"IOS"))
    first = page.events[0].position - 1
    digest = digest_after(bytes(32), page.events).hex()
    heading = page.heading.model_copy(update={"digest": digest, "after": first})
    return signed(
        message._replace(content=heading.line() + b"".join(map(line_of, page.events))), b"guess"
    )


@pytest.fixture(scope="module")
def messages(stage: Stage) -> Messages:
    """Return what the stream has."""
    follower = stage.follower(stage.store())
    last = follower._stream.ends()[1]
    found = [follower._stream.message(n) for n in range(1, last + 1)]
    return [each for each in found if each is not None]


def numbered(given: Messages) -> Messages:
    """Return messages as a stream gives them that has them in this order."""
    return [each._replace(sequence=n) for n, each in enumerate(given, 1)]


def receive(copy: LedgerCopy, given: Messages) -> None:
    for message in given:
        copy.receive(message)


def changed(message: Arrived, old: bytes, new: bytes) -> Arrived:
    assert old in message.content
    return message._replace(content=message.content.replace(old, new, 1))


def test_R59_what_is_not_the_ledger_stops_a_follower_with_nothing_half_done(
    stage: Stage, messages: Messages
) -> None:
    first, second, third, fourth, *_ = messages
    key = stage.source.identifier_key
    cases: dict[str, tuple[Messages, str]] = {
        "gap": ([first, second, fourth], "follows position"),
        "twice": ([first, second, second, third], "comes again or late"),
        "late": ([first, third, second], "follows position"),
        "late by two": ([first, second, third, fourth, second], "comes again or late"),
        "forged": (
            [first, second, signed(changed(second, b"iOS", b"IOS"), key)],
            "has other events",
        ),
        "changed": ([first, changed(second, b"iOS", b"IOS")], "not signed"),
        "changed by one who has the key": (
            [first, signed(changed(second, b"iOS", b"IOS"), key)],
            "digests differ",
        ),
        "forged from what the stream has": ([first, forged(second)], "not signed"),
        "without a mac": ([first, changed(second, b',"mac":"', b',"max":"')], "line 1"),
        "cut": ([first, second._replace(content=second.content[:-30])], "line"),
        "no page": ([first, second._replace(content=b"hello")], "line 1"),
        "empty": ([first, second._replace(content=b"")], "line 1"),
        "other ledger": (
            [first, changed(second, b'"key_fingerprint":"', b'"key_fingerprint":"0')],
            "another ledger",
        ),
        "its start is gone": ([second, third], "follows position"),
    }
    for name, (given, problem) in cases.items():
        store = stage.store()
        copy = LedgerCopy(store, stage.source.identifier_key)
        copy.begin()
        with pytest.raises(LedgerStreamInvalid, match=problem) as refused:
            receive(copy, numbered(given))
        assert refused.value.place.startswith("message "), name
        taken = ledger(store)
        assert taken == ledger(stage.source)[: len(taken)], name
        known = copy.known()
        assert (known.position if known else 0) == (taken[-1].position if taken else 0), name
        with store.auditing() as audit:
            assert audit.last() == (taken[-1].position if taken else 0)
        again = LedgerCopy(store, stage.source.identifier_key)
        again.begin()
        receive(again, messages)  # the right stream goes on where it was
        assert same(stage.source, store), name


def test_R59_a_message_with_another_number_and_one_that_comes_again_are_told_apart(
    stage: Stage, messages: Messages
) -> None:
    copy = LedgerCopy(store := stage.store(), stage.source.identifier_key)
    copy.begin()
    for message in (messages[0], messages[0], messages[1], messages[0]):
        copy.receive(message)  # as the server delivers what was not acknowledged
    with pytest.raises(LedgerStreamInvalid, match="message 3 was expected"):
        copy.receive(messages[3])
    assert ledger(store) == ledger(stage.source)[: len(ledger(store))]


def test_R59_a_command_of_which_half_has_come_waits_for_the_other_half(stage: Stage) -> None:
    ones = LedgerPages(stage.source)
    copy = LedgerCopy(store := stage.store(), stage.source.identifier_key)
    copy.begin()
    seen, waited, held = 0, 0, 0
    while batch := ones(held, held, 1):
        [message] = batch.messages
        seen += 1
        copy.receive(Arrived(seen, message.content, stage.people._clock()))
        held = message.position
        waited += copy.state != copy.end
        assert store.last() == copy.state.position
    assert waited
    assert same(stage.source, store)


def test_R59_a_stream_that_lost_messages_or_was_made_again_is_noticed(
    nats_broker: Broker, tmp_path: Path
) -> None:
    with staged(nats_broker.url, databases(tmp_path)) as stage:
        stage.live(9)
        stage.relay.catch_up()
        whole, fresh, behind = stage.store(), stage.store(), stage.store()
        stage.follower(whole).catch_up()
        ahead = stage.follower(behind)
        ahead._begin()
        ahead._copy.receive(ahead._stream.take(1, 1.0)[0])

        async def drop(stream: Any) -> None:  # noqa: ANN401 # untyped in parts
            await stream.delete_msg(stage.name, 3)

        async def purge(stream: Any) -> None:  # noqa: ANN401 # likewise
            await stream.purge_stream(stage.name, seq=5)

        async def forget(stream: Any) -> None:  # noqa: ANN401 # likewise
            await stream.delete_stream(stage.name)

        at_server(nats_broker.url, drop)
        follower = stage.follower(fresh)
        with pytest.raises(LedgerStreamInvalid, match="message 3 was expected"):
            follower.catch_up()
        assert ledger(fresh) == ledger(stage.source)[: len(ledger(fresh))]
        at_server(nats_broker.url, purge)
        with pytest.raises(LedgerStreamInvalid, match="not in the stream any more"):
            stage.follower(behind).catch_up()
        stage.follower(whole).catch_up()
        at_server(nats_broker.url, forget)
        stage.relay.release()
        with pytest.raises(StoreUnavailable):
            stage.follower(whole).catch_up()
        stage.new_relay(page=40).catch_up()
        with pytest.raises(LedgerStreamInvalid, match="made again"):
            stage.follower(whole).step()
        assert same(stage.source, whole)
        renewed = stage.store()
        stage.follower(renewed).catch_up()
        assert same(stage.source, renewed)


def test_R59_the_wrong_key_or_keys_are_refused_before_anything_is_copied(
    stage: Stage, nats_broker: Broker, tmp_path: Path
) -> None:
    with pytest.raises(IdentifierKeyWrong):
        Follower(stage.store(), stage.follower(stage.store())._stream, key=b"other").catch_up()
    with pytest.raises(StoreNotSealed):
        stage.follower(stage.store(keys=MemoryKeyStore())).catch_up()
    keys = MemoryKeyStore()
    with staged(nats_broker.url, databases(tmp_path), keys=keys) as sealed:
        sealed.live(9)
        bare = SqlStore(str(sealed.source.database.engine.url), create=False)  # without its keys
        with bare:
            sealed.new_relay(bare).catch_up()
        with pytest.raises(StoreSealed):
            sealed.follower(sealed.store()).catch_up()
        copy = sealed.store(keys=keys)
        sealed.follower(copy).catch_up()
        assert same(sealed.source, copy)
        assert [*Targeting(copy).targets("shop", "email:p1@x.com")]
        assert b"p1@x.com" not in b"".join(event.state for event in ledger(copy))


def test_R59_a_relay_that_finds_more_in_a_stream_than_it_has_fails(
    stage: Stage, tmp_path: Path
) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/restored.db") as restored:
        relay = stage.new_relay(restored)
        with pytest.raises(LedgerStreamInvalid, match="ahead of the ledger"):
            relay.catch_up()
