"""A consumer takes every fact once, in its own transaction, however often it arrives (R42)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import OperationalError

from addressee.adapters.events.inbox import Inbox
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql.engine.engine_factory import made_engine
from addressee.application import CloudEvents, FactMessage, Identity, Personalization
from addressee.domain import Conflict, InvalidValue

TAKEN = Table("seen", MetaData(), Column("position", Integer, nullable=False))


def messages() -> list[FactMessage]:
    """Return the facts of a small ledger, as a relay sends them."""
    store = MemoryStore()
    people = Personalization(store)
    for n in range(8):
        people.register("shop", installation=f"d{n}")
        people.personalize(f"d{n}", Identity(external_id=f"p{n % 3}"))
    events, previous = CloudEvents("/ledger", "pseudonymous"), 0
    found: list[FactMessage] = []
    with store.reading() as view:
        for recorded in view.events(0, 1_000):
            if message := events.message(recorded, previous):
                found.append(message)
                previous = message.position
    return found


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = made_engine(url)
    TAKEN.metadata.create_all(engine)
    yield engine
    engine.dispose()


def take(engine: Engine, inbox: Inbox, message: FactMessage) -> bool:
    with engine.begin() as connection:
        fact = inbox.receive(connection, message.content)
        if fact is None:
            return False
        connection.execute(insert(TAKEN).values(position=fact.position))
        return True


def seen(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(select(TAKEN.c.position)).scalars())


def test_R42_each_fact_counts_once_in_any_order_and_however_often(engine: Engine) -> None:
    sent = messages()
    inbox = Inbox(engine, "crm")
    inbox.create()
    inbox.create()
    chance = random.Random(3)  # noqa: S311 # a test that repeats itself
    delivered = [*sent[5:9], *sent, *chance.sample(sent, len(sent))]
    for message in delivered:
        take(engine, inbox, message)
    in_order = [*sent[5:9], *sent[:5], *sent[9:]]
    assert seen(engine) == [message.position for message in in_order]
    with engine.connect() as connection:
        assert inbox.missing(connection, "/ledger") == []
    other = Inbox(engine, "billing")
    assert take(engine, other, sent[3])
    with engine.connect() as connection:
        assert other.missing(connection, "/ledger") == [(0, sent[2].position)]
        assert inbox.missing(connection, "/other") == []


def test_R42_what_is_rolled_back_stays_new(engine: Engine) -> None:
    [first, *_] = messages()
    inbox = Inbox(engine, "crm")
    inbox.create()
    with engine.connect() as connection:
        assert inbox.receive(connection, first.content)
        connection.rollback()
    assert take(engine, inbox, first)
    assert not take(engine, inbox, first)


def test_R42_workers_that_race_take_each_fact_once(engine: Engine) -> None:
    sent = messages()
    inbox = Inbox(engine, "crm")
    inbox.create()

    def work(_: int) -> None:
        for message in sent:
            while True:
                try:
                    take(engine, inbox, message)
                    break
                except (Conflict, OperationalError):  # delivered again, as a broker would
                    continue

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert sorted(seen(engine)) == [message.position for message in sent]


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"id": "1"}', b'{"sequence": "x"}'])
def test_R42_a_message_of_others_is_refused(content: bytes, tmp_path: Path) -> None:
    engine = made_engine(f"sqlite:///{tmp_path}/inbox.db")
    inbox = Inbox(engine, "crm")
    inbox.create()
    with engine.begin() as connection, pytest.raises(InvalidValue, match="message"):
        inbox.receive(connection, content)
    engine.dispose()
