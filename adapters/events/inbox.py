"""What a consumer has taken: each fact once into a SQL database, however often it is delivered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    and_,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from addressee.application.ports.records import LARGEST_POSITION
from addressee.domain import Conflict, InvalidValue, values

ANCHOR = (-1, -1)
"""An empty interval, the first row of a consumer and a source."""


class Fact(NamedTuple):
    """A message of a relay.

    Args:
        position: in the ledger.
        previous: a position before it; no fact lies between.
        source: the ledger.
        type: what happened, such as ``addressee.DevicePersonalized.v1``.
        subject: ``installation:…``, ``person:…``, or ``segment:`` and an application's code.
        key: the person that it belongs to, or else its subject.
        at: when it happened, in UTC.
        data: the event's fields, as far as the relay sends them; personal data, perhaps.
    """

    position: int
    previous: int
    source: str
    type: str
    subject: str
    key: str
    at: datetime
    data: Mapping[str, Any]


class Inbox:
    """Notes which facts a consumer has taken, in the consumer's own transactions.

    What is missing is kept as intervals of positions, so that a fact counts as new exactly once,
    also if it comes late: a dead letter, or one that a broker has put behind others. Without such
    there is one row.

    Args:
        engine: the consumer's database.
        consumer: names what is kept; each consumer takes every fact once.
        table: the table's name.
    """

    def __init__(self, engine: Engine, consumer: str, *, table: str = "addressee_inbox") -> None:
        self._engine = engine
        self._consumer = values.identifier("consumer", consumer)
        self._missing = Table(
            table,
            MetaData(),
            Column("consumer", String(256), primary_key=True),
            Column("source", String(400), primary_key=True),
            Column("after", BigInteger, primary_key=True, autoincrement=False),
            Column("upto", BigInteger, nullable=False),
        )

    def create(self) -> None:
        """Make the table, if it is missing."""
        self._missing.create(self._engine, checkfirst=True)

    def receive(self, connection: Connection, content: bytes | str) -> Fact | None:
        """Return a fact that is new to the consumer, and note that it was taken.

        Args:
            connection: with the transaction that the fact takes effect in. If it is rolled back,
                the fact stays new.
            content: a message, as it arrived.

        Returns:
            The fact; None if it was taken before.

        Raises:
            InvalidValue: the message is none of a relay's.
            Conflict: another worker of the consumer takes a fact at this moment. Roll back, and
                have the message delivered again.
        """
        fact = fact_in(content)
        table = self._missing
        own = and_(table.c.consumer == self._consumer, table.c.source == fact.source)
        around = select(table.c.after, table.c.upto).where(
            own, table.c.after < fact.position, table.c.upto >= fact.position
        )
        found = connection.execute(around).one_or_none()
        try:
            if found is None:
                if connection.execute(select(table.c.after).where(own).limit(1)).first():
                    return None
                # Of workers that all begin, the one that adds this row does.
                connection.execute(insert(table), self._row(fact, *ANCHOR))
                after, upto = 0, LARGEST_POSITION
            else:
                after, upto = found
                gone = delete(table).where(own, table.c.after == after, table.c.upto == upto)
                if connection.execute(gone).rowcount != 1:
                    raise self._conflict(fact)
            self._note(connection, fact, (after, fact.previous), (fact.position, upto))
        except IntegrityError:
            raise self._conflict(fact) from None
        return fact

    def missing(self, connection: Connection, source: str) -> list[tuple[int, int]]:
        """Return the gaps in what was taken: pairs of a position and the last one that is missing.

        A relay's dead letters are in such; a gap may also hold no fact at all.
        """
        table = self._missing
        gaps = select(table.c.after, table.c.upto).where(
            table.c.consumer == self._consumer,
            table.c.source == source,
            table.c.upto.between(1, LARGEST_POSITION - 1),
        )
        return [(after, upto) for after, upto in connection.execute(gaps.order_by(table.c.after))]

    def _note(self, connection: Connection, fact: Fact, *intervals: tuple[int, int]) -> None:
        """Note what is missing, as far as the intervals are not empty."""
        for after, upto in intervals:
            if after < upto:
                connection.execute(insert(self._missing), self._row(fact, after, upto))

    def _row(self, fact: Fact, after: int, upto: int) -> dict[str, str | int]:
        return {"consumer": self._consumer, "source": fact.source, "after": after, "upto": upto}

    def _conflict(self, fact: Fact) -> Conflict:
        problem = "another worker takes a fact at this moment"
        return Conflict(f"inbox:{self._consumer}", fact.previous, fact.position, problem)


def fact_in(content: bytes | str) -> Fact:
    """Return the fact of a message; raises InvalidValue, which repeats nothing of it."""
    try:
        event = cast("Mapping[str, Any]", json.loads(content))
        return Fact(
            int(event["sequence"]),
            int(event["previoussequence"]),
            str(event["source"]),
            str(event["type"]),
            str(event["subject"]),
            str(event["partitionkey"]),
            datetime.fromisoformat(event["time"]),
            cast("Mapping[str, Any]", event.get("data", {})),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidValue("message", "is none of a relay's") from None
