"""Postings: which ordinals have a term. Chunks hold them as they were; the delta what came since.

A chunk is one roaring bitmap of the ordinals of a term in one shard, at most 8 KB, so that a write
is bounded. Live changes go to the delta in the transaction of the events, queries read chunk and
delta together, and compaction folds the delta into chunks when it has grown long.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from hashlib import blake2b

from pyroaring import BitMap
from sqlalchemy import Connection, delete, func, insert, select

from addressee.application.ports import SHARD_BITS
from addressee.domain import StoreDamaged

from .prepared import Prepared
from .schema import WHOLE_TERM, Schema
from .statements import pages

COMPACT_AT = 32_768
"""Length of the delta, in rows, from which a transaction folds it into the chunks."""

CHECKS = 16
"""How often, while the delta grows to that length, it is looked at."""

COMPACTION = "compaction"
"""Name of the setting whose row is locked by whoever compacts."""

Posting = tuple[int, int, int]
"""Number of a term, ordinal, and 1 if the term holds now, 0 if not."""


def term_numbers(
    connection: Connection, prepared: Prepared, application: str, terms: Iterable[str]
) -> dict[str, int]:
    """Return term → its number, for those that were ever used in the application."""
    written = {as_written(term): term for term in terms}
    found: dict[str, int] = {}
    for page in pages(written):
        rows = prepared.terms.rows(connection, page, application=application)
        found.update((written[term], number) for term, number in rows)
    return found


def add_terms(
    connection: Connection, prepared: Prepared, application: str, terms: AbstractSet[str]
) -> dict[str, int]:
    """Return term → its number, giving numbers to terms that have none."""
    rows = [{"application": application, "term": as_written(term)} for term in sorted(terms)]
    connection.execute(insert(prepared.schema.term), rows)
    return term_numbers(connection, prepared, application, terms)


def places(
    connection: Connection,
    prepared: Prepared,
    application: str,
    terms: AbstractSet[str],
    installations: AbstractSet[str],
) -> tuple[dict[str, int], dict[str, int]]:
    """Return term → its number, for those that have one, and installation → its ordinal."""
    written = {as_written(term): term for term in terms}
    numbers: dict[str, int] = {}
    ordinals: dict[str, int] = {}
    for page in pages([*written, *installations]):
        for name, number, is_installation in prepared.places.rows(
            connection, page, application=application
        ):
            if is_installation:
                ordinals[name] = number
            else:
                numbers[written[name]] = number
    return numbers, ordinals


def as_written(term: str) -> str:
    """Return a term as its column holds it: what is too long for an index ends in its hash.

    That makes it longer than any term that is written whole, so the two can't be mistaken.
    """
    if len(term) <= WHOLE_TERM:
        return term
    return f"{term[:WHOLE_TERM]}#{blake2b(term.encode(), digest_size=16).hexdigest()}"


class Upkeep:
    """Sees to it that the delta stays short; one for each store.

    How long the delta is, is asked only now and then.
    """

    def __init__(self) -> None:
        self._noted = 0

    def after(self, postings: int, connection: Connection, prepared: Prepared) -> None:
        """Fold the delta into the chunks if it has grown long and nobody else is at it.

        Args:
            postings: how many were added to it.
            connection: with the transaction that added them.
            prepared: statements on the store's tables.
        """
        self._noted += postings
        if self._noted < COMPACT_AT // CHECKS:
            return
        self._noted = 0
        [[first, last]] = prepared.span.rows(connection)
        if last - first >= COMPACT_AT and nobody_compacts(connection, prepared.schema):
            compact(connection, prepared.schema)


def nobody_compacts(connection: Connection, schema: Schema) -> bool:
    """Take the right to write chunks until the transaction ends; False where another has it."""
    table = schema.setting
    right = select(table.c.name).where(table.c.name == COMPACTION)
    return connection.execute(right.with_for_update(skip_locked=True)).first() is not None


def shards(
    connection: Connection, schema: Schema, numbers: Iterable[int]
) -> dict[int, dict[int, int]]:
    """Return number of a term → shard → about how many postings; delta rows count as gains."""
    chunk, delta = schema.chunk, schema.delta
    shard = delta.c.ordinal.op(">>")(SHARD_BITS)
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for page in pages(numbers):
        for term, at, card in connection.execute(
            select(chunk.c.term, chunk.c.shard, chunk.c.card).where(chunk.c.term.in_(page))
        ):
            found[term][at] = card
        for term, at, changes in connection.execute(
            select(delta.c.term, shard, func.count())
            .where(delta.c.term.in_(page))
            .group_by(delta.c.term, shard)
        ):
            found[term][at] = found[term].get(at, 0) + changes
    return found


def postings(
    connection: Connection, schema: Schema, numbers: Iterable[int], shard: int
) -> dict[int, BitMap]:
    """Return number of a term → exact ordinals in one shard."""
    chunk, delta = schema.chunk, schema.delta
    found: dict[int, BitMap] = {}
    for page in pages(numbers):
        for term, checksum, data in connection.execute(
            select(chunk.c.term, chunk.c.checksum, chunk.c.data)
            .where(chunk.c.shard == shard)
            .where(chunk.c.term.in_(page))
        ):
            found[term] = decoded(term, shard, checksum, data)
        first = shard << SHARD_BITS
        for term, ordinal, present in connection.execute(
            select(delta.c.term, delta.c.ordinal, delta.c.present)
            .where(delta.c.term.in_(page))
            .where(delta.c.ordinal.between(first, first + (1 << SHARD_BITS) - 1))
            .order_by(delta.c.sequence)
        ):
            change(found.setdefault(term, BitMap()), ordinal, present)
    return found


def compact(connection: Connection, schema: Schema) -> None:
    """Fold the whole delta into the chunks."""
    chunk, delta = schema.chunk, schema.delta
    changes: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    # What is deleted is what was read: a row that another transaction commits now stays.
    rows = select(delta.c.sequence, delta.c.term, delta.c.ordinal, delta.c.present)
    sequences: list[int] = []
    for sequence, term, ordinal, present in connection.execute(
        rows.order_by(delta.c.sequence).with_for_update(skip_locked=True)
    ):
        sequences.append(sequence)
        changes[term, ordinal >> SHARD_BITS].append((ordinal, present))
    for page in pages(sequences):
        connection.execute(delete(delta).where(delta.c.sequence.in_(page)))
    if not changes:
        return
    written: list[dict[str, object]] = []
    for (term, shard), ordinals in changes.items():
        row = connection.execute(
            select(chunk.c.checksum, chunk.c.data)
            .where(chunk.c.term == term)
            .where(chunk.c.shard == shard)
        ).one_or_none()
        bitmap = BitMap() if row is None else decoded(term, shard, *row)
        for ordinal, present in ordinals:
            change(bitmap, ordinal, present)
        if row is not None:
            connection.execute(
                delete(chunk).where(chunk.c.term == term).where(chunk.c.shard == shard)
            )
        if bitmap:
            data = bitmap.serialize()
            written.append(
                {
                    "term": term,
                    "shard": shard,
                    "card": len(bitmap),
                    "checksum": zlib.crc32(data),
                    "data": data,
                }
            )
    if written:
        connection.execute(insert(chunk), written)


def change(bitmap: BitMap, ordinal: int, present: int) -> None:
    """Add an ordinal to a bitmap or take it away."""
    if present:
        bitmap.add(ordinal)
    else:
        bitmap.discard(ordinal)


def decoded(term: int, shard: int, checksum: int, data: bytes) -> BitMap:
    """Return a chunk's bitmap; raises StoreDamaged if its bytes are not those that were written.

    The checksum comes first, for a bitmap's own decoder accepts some corrupt headers.
    """
    if zlib.crc32(data) != checksum:
        raise StoreDamaged(f"chunk of term {term}, shard {shard} has a wrong checksum; rebuild it")
    return BitMap.deserialize(data)
