"""A projection that counts sign-ins, and a store for it."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import pytest
from eventsourcing.persistence import Tracking
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Recorded
from addressee.domain import DevicePersonalized

TURNS = 16
SIGN_INS = Table(
    "sign_ins",
    MetaData(),
    Column("person", String(64), primary_key=True),
    Column("n", Integer, nullable=False),
)

TAKEN = Table("taken", SIGN_INS.metadata, Column("position", Integer), Column("n", Integer))


class SignIns:
    """Counts sign-ins a person, and notes every position that it is given."""

    name = "sign-ins"
    poison: int | None = None

    def process_batch(
        self, connection: Connection, page: Sequence[Recorded], tracking: Tracking
    ) -> None:
        assert tracking == Tracking(self.name, page[-1].position)
        for position, event in page:
            connection.execute(insert(TAKEN).values(position=position, n=1))
            if position == self.poison:
                raise RuntimeError("no such day")
            if isinstance(event, DevicePersonalized) and event.originator_id.startswith("person"):
                more = update(SIGN_INS).where(SIGN_INS.c.person == event.person)
                if connection.execute(more.values(n=SIGN_INS.c.n + 1)).rowcount == 0:
                    connection.execute(insert(SIGN_INS).values(person=event.person, n=1))


def clear(connection: Connection) -> None:
    connection.execute(delete(SIGN_INS))
    connection.execute(delete(TAKEN))


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url) as store:
        SIGN_INS.metadata.create_all(store.database.engine)
        yield store


def live(store: SqlStore, turns: int = TURNS) -> None:
    people = Personalization(store)
    for n in range(turns):
        people.register("shop", installation=f"d{n % 7}")
        people.personalize(f"d{n % 7}", Identity(external_id=f"p{n % 5}"), force_depersonalize=True)


def taken(store: SqlStore) -> list[int]:
    with store.database.reading() as connection:
        return sorted(connection.execute(select(TAKEN.c.position)).scalars())


def ledger(store: SqlStore) -> list[int]:
    with store.reading() as reader:
        return [position for position, _ in reader.events(0, 100_000)]


def sign_ins(store: SqlStore) -> int:
    with store.database.reading() as connection:
        return connection.execute(select(func.sum(SIGN_INS.c.n))).scalar() or 0
