"""Damages of read models, by the place that `verify` names."""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, insert, select, update

from addressee.adapters.sql.schema.tables import Schema


def first(connection: Connection, table: Table, *columns: str) -> tuple[object, ...]:
    found = connection.execute(select(*(table.c[name] for name in columns)).limit(1)).one()
    return tuple(found)


def wrong_owner(connection: Connection, schema: Schema) -> None:
    table = schema.installation
    bound = select(table.c.ordinal).where(table.c.person.is_not(None)).limit(1)
    ordinal = connection.execute(bound).scalar()
    change = update(table).where(table.c.ordinal == ordinal)
    connection.execute(change.values(person="somebody else"))


def wrong_time(connection: Connection, schema: Schema) -> None:
    table = schema.installation
    later = update(table).where(table.c.person.is_not(None))
    connection.execute(later.values(bound_at=table.c.bound_at + 1))


def lost_installation(connection: Connection, schema: Schema) -> None:
    table = schema.installation
    [ordinal] = first(connection, table, "ordinal")
    connection.execute(delete(table).where(table.c.ordinal == ordinal))


def invented_installation(connection: Connection, schema: Schema) -> None:
    connection.execute(insert(schema.installation).values(id="nobody", application="app1"))


def missing_claim(connection: Connection, schema: Schema) -> None:
    [claim] = first(connection, schema.holder, "claim")
    connection.execute(delete(schema.holder).where(schema.holder.c.claim == claim))


def wrong_bit(connection: Connection, schema: Schema) -> None:
    [term] = first(connection, schema.delta, "term")
    [ordinal] = first(connection, schema.installation, "ordinal")
    held = select(schema.delta).where(schema.delta.c.term == term)
    known = [row for row in connection.execute(held) if row.ordinal == ordinal]
    present = 1 - (known[-1].present if known else 0)
    row = {"term": term, "ordinal": ordinal, "present": present}
    connection.execute(insert(schema.delta).values(row))


def corrupt_chunk(connection: Connection, schema: Schema) -> None:
    table = schema.chunk
    connection.execute(update(table).where(table.c.term != 0).values(data=b"nonsense"))


def lost_segment(connection: Connection, schema: Schema) -> None:
    connection.execute(delete(schema.segment))


def wrong_address(connection: Connection, schema: Schema) -> None:
    connection.execute(update(schema.address).values(written=b"1\0\0fcm\0another token"))


def lost_addresses(connection: Connection, schema: Schema) -> None:
    connection.execute(delete(schema.address))


ADDRESSES = [wrong_address, lost_addresses]

DAMAGES = {
    "term": [wrong_bit, corrupt_chunk],  # the bit first, while the delta has all
    "installation": [
        *ADDRESSES,
        wrong_owner,
        wrong_time,
        lost_installation,
        invented_installation,
    ],
    "holder": [missing_claim],
    "segment": [lost_segment],
}
