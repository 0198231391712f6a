"""Queries for one person's installations, or for one installation: one statement each.

A statement that stands alone sees one moment, so it needs no transaction and is one round trip. It
names its tables in the order in which a swap locks them, so that the two can't deadlock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, select

from addressee.application import Found, Lookup, Recipient

from ..engine.compiled_query import Query, given
from ..engine.epochs import epoch_of
from ..replicas.routing import Queries
from ..schema.bookkeeping_tables import FLAGGED
from ..schema.tables import Schema
from .recipient_rows import Opens, with_address


class Lookups:
    """The lookups of one store.

    Args:
        database: where.
        schema: the tables.
        sealing: opens sealed addresses; None where they are in clear.
    """

    def __init__(self, database: Queries, schema: Schema, sealing: Opens | None = None) -> None:
        self._database = database
        self._sealing = sealing
        self._queries = queries_of(schema)
        setting = schema.setting
        self._flagged = Query(select(setting.c.name).where(setting.c.name == FLAGGED))
        self._flagged_in: int | None = None
        """An epoch in which they have flags; they keep them, unless the migration is lost."""

    def find(self, lookup: Lookup) -> Sequence[Found] | None:
        """Return what a lookup finds; None until the rows of installations have flags."""
        application, by, name, flags, first, limit, addresses = lookup
        with self._database.at_once() as connection:
            epoch = epoch_of(connection)
            if self._flagged_in != epoch and not self._flagged.rows(connection):
                return None
            self._flagged_in = epoch
            rows = self._queries[by, addresses].rows(
                connection, application=application, name=name, flags=flags, first=first, most=limit
            )
        if addresses and (sealing := self._sealing) is not None:
            return [found_with_address(with_address(sealing, row)) for row in rows]
        return [found_with_address(row) if addresses else Found(*row) for row in rows]


@cache  # as all statements that stores on the same tables share
def queries_of(schema: Schema) -> Mapping[tuple[str, bool], Query]:
    """Return the queries by what they name, and whether they give addresses."""
    installation, address, holder = schema.installation, schema.address, schema.holder
    addressed = installation.outerjoin(address, address.c.ordinal == installation.c.ordinal)
    held = holder.c.person == installation.c.person
    named = {"claim": holder.c.claim, "installation": installation.c.id}
    tables: dict[tuple[str, bool], FromClause] = {
        ("claim", False): installation.join(holder, held),
        ("claim", True): addressed.join(holder, held),
        ("installation", False): installation,
        ("installation", True): addressed,
    }
    columns = [installation.c.person, address.c.written]
    return {
        (by, addresses): Query(
            found_in(schema, named[by], columns if addresses else []).select_from(joined)
        )
        for (by, addresses), joined in tables.items()
    }


def found_in(
    schema: Schema, named: ColumnElement[str], more: Sequence[ColumnElement[Any]]
) -> Select[Any]:
    """Return the select of installations by a name, with further columns; it lacks its tables."""
    installation = schema.installation.c
    return (
        select(installation.ordinal, installation.id, *more)
        .where(named == given("name"), installation.application == given("application"))
        .where(installation.flags.bitwise_and(given("flags")) == given("flags"))
        .where(installation.ordinal >= given("first"))
        .order_by(installation.ordinal)
        .limit(given("most"))
    )


def found_with_address(row: Sequence[Any]) -> Found:
    """Return an installation with its recipient, if its row has an address."""
    ordinal, name, _, written = row
    return Found(ordinal, name, None if written is None else next(Recipient.of([row])))
