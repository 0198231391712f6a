"""Writing postings: live changes to the delta, the delta and whole loads into chunks."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from pyroaring import BitMap
from sqlalchemy import Connection, delete, select, tuple_, update

from addressee.application.ports.transaction_views import SHARD_BITS

from ..engine.compiled_query import pages
from ..engine.dialects.base import Row
from ..index_history.bitmap_codec import decoded, written
from ..index_history.remembered_states import Flipped
from ..schema.read_model_tables import GENERATION
from ..schema.tables import Schema
from .delta import Delta, delta_of
from .index_statements import Index
from .postings_reader import chunk_at

PAIRS = 400
"""How many chunks are read and written at once: two values each in an IN, 3 MB of them at most."""

Posting = tuple[int, int, int]
"""Number of a term, ordinal, and 1 if the term holds now, 0 if not."""
Place = tuple[int, int]
"""Number of a term, and shard: where a chunk is."""
NOTHING = BitMap()


class Window(NamedTuple):
    """What changes between two marks.

    Args:
        settled, last: of the mark at its end, as of `Mark`.
        changes: chunk → what comes and goes in it.
    """

    settled: int
    last: int
    changes: Mapping[Place, Delta]


def last_position(connection: Connection, index: Index) -> int:
    """Return the position of the last event that a transaction sees; 0 where there is none."""
    return max((position for (position,) in index.last.rows(connection)), default=0)


def nobody_compacts(connection: Connection, schema: Schema) -> bool:
    """Take the right to write chunks until the transaction ends; False where another has it."""
    table = schema.chunk
    right = select(table.c.term).where(table.c.term == GENERATION)
    return connection.execute(right.with_for_update(skip_locked=True)).first() is not None


def forget(
    connection: Connection, index: Index, ordinals: BitMap, positions: Iterable[int]
) -> None:
    """Take ordinals out of all that is remembered of the chunks; arguments as of `Marks.forget`."""
    chunk = index.schema.chunk
    right = select(chunk.c.term).where(chunk.c.term == GENERATION)
    connection.execute(right.with_for_update())
    index.marks.forget(connection, ordinals, positions)
    begin_generation(connection, index.schema)


def compact(connection: Connection, index: Index, settled: int) -> int:
    """Fold the whole delta into the chunks; the right to write chunks should have been taken.

    Args:
        connection: with its transaction begun; all that it has added to the ledger is indexed.
        index: statements on the index' tables.
        settled: a position up to which the ledger is settled.

    Returns:
        How many rows the delta had.
    """
    table = index.schema.delta
    taken = select(table.c.sequence, table.c.term, table.c.ordinal, table.c.present)
    # What is deleted is what was read: a row that another transaction commits now stays.
    locked = taken.order_by(table.c.sequence).with_for_update(skip_locked=True)
    rows = connection.execute(locked).all()
    for page in pages(sequence for sequence, *_ in rows):
        connection.execute(delete(table).where(table.c.sequence.in_(page)))
    changes = gathered((t, o, present) for _, t, o, present in rows)
    # It is read after the delta, so that no row of the delta is of a later event.
    last = last_position(connection, index)
    if changes or index.marks.is_due(connection, last):
        fold(connection, index, [Window(min(settled, last), last, changes)])
    return len(rows)


def gathered(postings: Iterable[Posting]) -> dict[Place, Delta]:
    """Return what postings, the oldest first, come to for each chunk."""
    now: dict[Place, dict[int, int]] = defaultdict(dict)
    for term, ordinal, present in postings:
        now[term, ordinal >> SHARD_BITS][ordinal] = present
    return {place: delta_of(ordinals) for place, ordinals in now.items()}


def fold(connection: Connection, index: Index, windows: Sequence[Window]) -> None:
    """Write changes into the chunks, with a mark after each window, and begin a generation."""
    places = iter(sorted({place for window in windows for place in window.changes}))
    flipped = [Flipped(w.settled, w.last, defaultdict(BitMap)) for w in windows]
    if not flipped:
        return
    while page := list(islice(places, PAIRS)):
        fold_page(connection, index, page, windows, flipped)
    index.marks.write(connection, flipped)
    begin_generation(connection, index.schema)


def begin_generation(connection: Connection, schema: Schema) -> None:
    """Have no query use what others have cached."""
    chunk = schema.chunk
    connection.execute(
        update(chunk).where(chunk.c.term == GENERATION).values(data=secrets.token_bytes(8))
    )


def fold_page(
    connection: Connection,
    index: Index,
    places: Sequence[Place],
    windows: Sequence[Window],
    flipped: Sequence[Flipped],
) -> None:
    """Write the changes of a few hundred chunks, and note in each window which bits they flip."""
    table = index.schema.chunk
    concerned = tuple_(table.c.term, table.c.shard).in_(places)
    chunks: dict[Place, BitMap] = {}
    for term, shard, checksum, data in connection.execute(
        select(table.c.term, table.c.shard, table.c.checksum, table.c.data).where(concerned)
    ):
        chunks[term, shard] = decoded(chunk_at(term, shard), checksum, data)
    rows: list[Row] = []
    emptied: list[Place] = []
    for place in places:
        bitmap = chunks.get(place, NOTHING)
        for window, noted in zip(windows, flipped, strict=True):
            if (change := window.changes.get(place)) is not None:
                gained, lost = change
                flips = (gained - bitmap) | (lost & bitmap)
                noted.changes[place[0]].update(flips)
                bitmap = bitmap ^ flips  # in place it would change others' too
        if bitmap:
            rows.append(row_of(place, bitmap))
        elif place in chunks:
            emptied.append(place)
    if emptied:
        gone = tuple_(table.c.term, table.c.shard).in_(emptied)
        connection.execute(delete(table).where(gone))
    index.written_chunks.write(connection, "upsert", rows)


def row_of(place: Place, bitmap: BitMap) -> Row:
    """Return a chunk as its row."""
    return (*place, len(bitmap), *written(bitmap))
