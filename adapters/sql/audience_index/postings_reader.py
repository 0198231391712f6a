"""Postings: which ordinals have a term. Chunks hold them as they were; the delta what came since.

A chunk is one roaring bitmap of the ordinals of a term in one shard, at most 8 KB, so that a write
is bounded. Live changes go to the delta in the transaction of the events, queries read chunk and
delta together, and compaction folds the delta into chunks when it has grown long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pyroaring import BitMap
from sqlalchemy import Connection

from addressee.application import NotCached
from addressee.application.ports.transaction_views import SHARD_BITS

from ..engine.compiled_query import IN_LIMIT, pages
from ..index_history.bitmap_codec import decoded
from ..schema.read_model_tables import GENERATION
from .delta import UNCHANGED, Delta
from .delta_reader import read_again, read_deltas
from .generation_cache import CachedGeneration, GenerationCache
from .index_statements import Index
from .term_dictionary import term_numbers

ENTRY = 120
"""About how many bytes of Python's an entry takes besides its bitmap."""


class Postings:
    """Postings as one open transaction sees them.

    Args:
        connection: with its transaction begun.
        index: the store's.
        cache: of earlier queries; this one adds to it.
    """

    def __init__(self, connection: Connection, index: Index, cache: GenerationCache) -> None:
        self._connection = connection
        self._index = index
        self._cache = cache
        self._kept: CachedGeneration | None = None
        self._deltas: dict[int, Delta] = {}
        self._numbers: dict[tuple[str, frozenset[str]], dict[str, int]] = {}

    def numbers(self, application: str, terms: frozenset[str]) -> dict[str, int]:
        """Return term → its number, for those that were ever used in the application."""
        asked = application, terms
        if (known := self._numbers.get(asked)) is not None:
            return known
        if self._kept is None:
            # Terms most likely have the numbers that they had before; then this asks for all.
            before: dict[str, int] = self._cache.newest.get(asked) or {}
            self._read([*before.values()][:IN_LIMIT])
        kept = self._seen()
        found: dict[str, int] | None = kept.get(asked)
        if found is None:
            found = term_numbers(self._for_more(), self._index, application, terms)
            if len(found) == len(terms):  # the others may get theirs any time
                kept.put(asked, found, sum(ENTRY + len(term) for term in terms))
        self._numbers[asked] = found
        return found

    def ids(self, last: int) -> list[str | None] | None:
        """Return ordinal → id as far as they are cached, or None; see `CachedGeneration`."""
        return self._seen().ids(last)

    def shards(self, numbers: Iterable[int]) -> dict[int, Mapping[int, int]]:
        """Return number of a term → shard → about how many postings; the delta counts as gains."""
        found = self._cards(numbers)
        for number, delta in self._changed(found).items():
            found[number] = with_gains(found[number], delta.gained)
        return found

    def within(self, numbers: Iterable[int], shards: range) -> dict[int, BitMap]:
        """Return number of a term → its ordinals in a run of shards, exactly.

        Args:
            numbers: of terms.
            shards: the run; the cache is by term and run, so use the same few runs.

        Returns:
            Bitmaps that are not to be changed.

        Raises:
            StoreDamaged: a chunk is not what was written.
        """
        found = self._folded(numbers, shards)
        for number, (gained, lost) in self._changed(found).items():
            found[number] = (found[number] | of_shards(gained, shards)) - lost
        return found

    def shards_at(self, mark: int, numbers: Iterable[int]) -> dict[int, Mapping[int, int]]:
        """Return what `shards` would have returned at a mark; what was lost since counts twice."""
        found = self._cards(numbers)
        since = self._since(mark, found)
        return {number: with_gains(cards, since[number]) for number, cards in found.items()}

    def within_at(self, mark: int, numbers: Iterable[int], shards: range) -> dict[int, BitMap]:
        """Return what `within` would have returned at a mark."""
        found = self._folded(numbers, shards)
        since = self._since(mark, found)
        return {n: bitmap ^ of_shards(since[n], shards) for n, bitmap in found.items()}

    def _folded(self, numbers: Iterable[int], shards: range) -> dict[int, BitMap]:
        """Return number of a term → what its chunks in a run of shards hold."""
        kept = self._seen()
        found: dict[int, BitMap] = {}
        missing: list[int] = []
        for number in numbers:
            bitmap = kept.get((number, shards))
            if bitmap is None:
                missing.append(number)
            else:
                found[number] = bitmap
        for page in pages(missing):
            found |= self._chunks(page, shards)
        return found

    def _since(self, mark: int, numbers: Iterable[int]) -> dict[int, BitMap]:
        """Return number of a term → the ordinals whose chunks differ from those of a mark."""
        kept = self._seen()
        known = {number: kept.get((mark, number)) for number in numbers}
        found = {number: bitmap for number, bitmap in known.items() if bitmap is not None}
        for page in pages(number for number in known if number not in found):
            for number, bitmap in self._index.marks.since(self._for_more(), mark, page).items():
                kept.put((mark, number), bitmap, ENTRY + len(bitmap.serialize()))
                found[number] = bitmap
        return found

    def _changed(self, numbers: Iterable[int]) -> dict[int, Delta]:
        """Return number of a term → its delta, for those that have one."""
        missing = [number for number in numbers if number not in self._deltas]
        for page in pages(missing):
            self._read(page)
        return {n: delta for n in numbers if (delta := self._deltas[n]) is not UNCHANGED}

    def _for_more(self) -> Connection:
        """Return the connection, for what is not cached."""
        return self._connection

    def _seen(self) -> CachedGeneration:
        """Return the cache of the generation that this transaction sees."""
        return self._kept or self._read(())

    def _read(self, numbers: Sequence[int]) -> CachedGeneration:
        """Read the deltas of some terms, and which generation it is."""
        self._kept, found = read_deltas(
            self._connection, self._index.changed, self._cache, numbers or [GENERATION]
        )
        self._deltas |= found
        return self._kept

    def _cards(self, numbers: Iterable[int]) -> dict[int, Mapping[int, int]]:
        """Return number of a term → shard → how many postings its chunk has."""
        kept = self._seen()
        found: dict[int, Mapping[int, int]] = {}
        missing: list[int] = []
        for number in numbers:
            cards = kept.get(number)
            if cards is None:
                missing.append(number)
            else:
                found[number] = cards
        for page in pages(missing):
            read: dict[int, dict[int, int]] = {number: {} for number in page}
            for term, shard, card in self._index.cards.rows(self._for_more(), page):
                read[term][shard] = card
            for term, cards in read.items():
                kept.put(term, cards, ENTRY * (1 + len(cards)))
            found |= read
        return found

    def _chunks(self, numbers: Sequence[int], shards: range) -> dict[int, BitMap]:
        """Return number of a term → what its chunks in a run of shards hold."""
        kept = self._seen()
        pieces: dict[int, list[BitMap]] = {number: [] for number in numbers}
        sizes: dict[int, int] = dict.fromkeys(numbers, ENTRY)
        for term, shard, checksum, data in self._index.chunks.rows(
            self._for_more(), numbers, first=shards.start, last=shards.stop - 1
        ):
            pieces[term].append(decoded(chunk_at(term, shard), checksum, data))
            sizes[term] += len(data)
        found: dict[int, BitMap] = {}
        for term, bitmaps in pieces.items():
            found[term] = bitmaps[0] if len(bitmaps) == 1 else BitMap.union(BitMap(), *bitmaps)
            kept.put((term, shards), found[term], sizes[term])
        return found


class CachedPostings(Postings):
    """Postings that are cached, and by one statement found to hold; all else raises NotCached."""

    def _for_more(self) -> Connection:
        raise NotCached

    def _read(self, numbers: Sequence[int]) -> CachedGeneration:
        """Read the deltas of some terms once, for another statement would see another moment."""
        if self._kept is not None:
            raise NotCached
        found = read_again(self._connection, self._index.changed, self._cache, numbers)
        if found is None:
            raise NotCached
        self._kept, self._deltas = found
        return self._kept


def with_gains(cards: Mapping[int, int], gained: BitMap) -> dict[int, int]:
    """Return shard → how many postings at most, once more ordinals have come."""
    found = dict(cards)
    at = 0
    while at < len(gained):
        shard = gained[at] >> SHARD_BITS
        following = gained.rank(((shard + 1) << SHARD_BITS) - 1)
        found[shard] = found.get(shard, 0) + following - at
        at = following
    return found


def of_shards(ordinals: BitMap, shards: range) -> BitMap:
    """Return those of some ordinals that are in a run of shards; not to be changed."""
    first, end = shards.start << SHARD_BITS, shards.stop << SHARD_BITS
    if not ordinals or (ordinals.min() >= first and ordinals.max() < end):
        return ordinals
    return ordinals & BitMap(range(first, end))


def chunk_at(term: int, shard: int) -> str:
    """Return where a chunk is, for errors."""
    return f"chunk of term {term}, shard {shard}"
