"""Reading the delta: each query reads the rows that are newer than those of the last query.

Rows are only ever added, until compaction takes them away and begins a new generation of chunks. So
of a term that was read before, only rows behind the last one are read. Transactions may end in
another order than they took their numbers; then rows appear before the last one, their count shows
it, and all are read again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from ..engine.compiled_query import Query
from ..engine.epochs import epoch_of
from ..schema.read_model_tables import GENERATION
from .delta import UNCHANGED, UNREAD, Delta, ReadDelta, later
from .generation_cache import CachedGeneration, GenerationCache


class Answer(NamedTuple):
    """The database's answer about some terms' deltas.

    Args:
        generation: of the chunks.
        counts: term → how many rows it has, if any.
        rows: term → sequence, ordinal and presence of those that were asked for, in order.
        last: the last sequence among them.
    """

    generation: bytes
    counts: Mapping[int, int]
    rows: Mapping[int, Sequence[tuple[int, int, int]]]
    last: int


def read_deltas(
    connection: Connection, changed: Query, cache: GenerationCache, numbers: Collection[int]
) -> tuple[CachedGeneration, dict[int, Delta]]:
    """Return the cache of the generation that a transaction sees, and the deltas it sees.

    Args:
        connection: with its transaction begun.
        changed: the statement.
        cache: of earlier queries; this one adds to it.
        numbers: of terms, 1 to 900.
    """
    kept = cache.newest
    known = {n: kept.deltas[n] for n in numbers if n in kept.deltas}
    answer = ask(connection, changed, numbers, min((k.last for k in known.values()), default=0))
    if known and answer.generation != kept.generation:
        known = {}
        answer = ask(connection, changed, numbers, 0)
    kept = cache.of(answer.generation)
    found = take(answer, numbers, known or dict.fromkeys(numbers, UNREAD), kept)
    if len(found) < len(numbers):
        others = [number for number in numbers if number not in found]
        answer = ask(connection, changed, others, 0)
        found |= take(answer, others, dict.fromkeys(others, UNREAD), kept)
    return kept, found


def read_again(
    connection: Connection, changed: Query, cache: GenerationCache, numbers: Collection[int]
) -> tuple[CachedGeneration, dict[int, Delta]] | None:
    """Return what `read_deltas` does if one statement tells it, and no generation has begun."""
    if not numbers:
        return None
    kept = cache.newest
    known = {n: kept.deltas[n] for n in numbers if n in kept.deltas}
    answer = ask(connection, changed, numbers, min((k.last for k in known.values()), default=0))
    if answer.generation != kept.generation:
        return None
    found = take(answer, numbers, known or dict.fromkeys(numbers, UNREAD), kept)
    return (kept, found) if len(found) == len(numbers) else None


def ask(connection: Connection, changed: Query, numbers: Collection[int], since: int) -> Answer:
    """Query the rows of some terms after a sequence, and how many there are in all."""
    epoch = b"%d " % epoch_of(connection)  # for in another one, sequences are given again
    generation, last = epoch, since
    counts: dict[int, int] = {}
    rows: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for sequence, term, number, present, data in sorted(
        changed.rows(connection, [*numbers], since=since)
    ):
        if sequence:
            rows[term].append((sequence, number, present))
            last = sequence
        elif term == GENERATION:
            generation = epoch + bytes(data)
        else:
            counts[term] = number
    return Answer(generation, counts, rows, last)


def take(
    answer: Answer, numbers: Iterable[int], known: Mapping[int, ReadDelta], kept: CachedGeneration
) -> dict[int, Delta]:
    """Return the deltas that an answer completes, and cache them.

    Args:
        answer: about rows after all that are known.
        numbers: of terms.
        known: term → what was read of it before.
        kept: the cache of the answer's generation.
    """
    found: dict[int, Delta] = {}
    for number in numbers:
        count = answer.counts.get(number, 0)
        if count == 0:
            found[number] = UNCHANGED
        elif (read := known.get(number)) is not None:
            rows = [row for row in answer.rows.get(number, ()) if row[0] > read.last]
            if read.rows + len(rows) == count:
                delta = later(read.delta, rows) if rows else read.delta
                last = max(answer.last, read.last)
                kept.deltas[number] = ReadDelta(last, count, delta)
                found[number] = delta
    return found
