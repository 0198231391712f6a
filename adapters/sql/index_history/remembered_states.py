"""Marks: states that the chunks had, and what changed in the postings from each to the next.

Compaction writes chunks, and with them a mark and a bitmap for each term: the ordinals that the
chunks had and lost, or lacked and got. So the chunks of a mark are those of now, with the bits
flipped that changed after it (docs/decisions/033-compaction-keeps-what-it-changes.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from pyroaring import BitMap
from sqlalchemy import (
    Connection,
    Integer,
    delete,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)

from addressee.application.ports.records import EMPTY, Mark

from ..engine.bulk_write import Rows
from ..engine.compiled_query import Query, given, listed, pages
from ..schema.bookkeeping_tables import COMPLETE
from ..schema.read_model_tables import GENERATION
from ..schema.tables import Schema
from .bitmap_codec import decoded, written

FORGOTTEN = GENERATION
"""No term has this number: its bitmap of a mark has the ordinals that no bitmap up to this mark
shows, since data of an erased person followed from them (R50)."""

FLIPS, EVENTS = 16_384, 32_768
"""Up to so many changes of postings, and about so many events, have no mark in between."""
AT_ONCE = 8
"""The changes of how many marks are in memory at once: some hundred terms each."""
WHOLE, BEFORE, AFTER = (literal_column(str(n), Integer()) for n in range(3))


class Flipped(NamedTuple):
    """What led to a mark.

    Args:
        settled, last: as of `Mark`.
        changes: number of a term → the ordinals that gained or lost it since the mark before.
    """

    settled: int
    last: int
    changes: Mapping[int, BitMap]


class Marks:
    """The statements on marks and changes of postings.

    Args:
        schema: the tables.
    """

    def __init__(self, schema: Schema) -> None:
        mark, change, setting = schema.index_mark.c, schema.posting_change.c, schema.setting.c
        self.schema = schema
        self._marks = Rows(schema.index_mark, "number", "settled", "last", "flips")
        self._changes = Rows(schema.posting_change, "term", "mark", "checksum", "data")
        ours = select(mark.number, mark.settled, mark.last)
        backwards = ours.order_by(mark.number.desc())
        self._newest = Query(backwards.add_columns(mark.flips).limit(2))
        before = backwards.where(mark.last <= given("position")).limit(1)
        after = ours.where(mark.settled >= given("position"), mark.last <= given("settled"))
        after = after.order_by(mark.number).limit(1)
        ends = [
            select(kind, found.c.number, found.c.settled, found.c.last)
            for kind, found in ((BEFORE, before.subquery()), (AFTER, after.subquery()))
        ]
        whole = select(WHOLE, WHOLE, WHOLE, WHOLE).where(setting.name == COMPLETE["audiences"])
        self._around = Query(union_all(whole, *ends))
        self._since = Query(
            select(change.term, change.mark, change.checksum, change.data)
            .where(change.term.in_(listed()))
            .where(change.mark > given("mark"))
        )
        shows = select(func.min(mark.number)).where(mark.settled >= given("position"))
        end = shows.scalar_subquery()
        until = or_(end.is_(None), mark.number <= end)
        self._across = Query(
            ours.where(mark.last >= given("position"), until).order_by(mark.number)
        )
        self._of = Query(
            select(change.term, change.mark, change.checksum, change.data)
            .where(change.mark.in_(listed()))
            .where(change.term > FORGOTTEN)
        )
        self._forgotten = Query(
            select(change.checksum, change.data).where(
                change.term == FORGOTTEN, change.mark > given("mark")
            )
        )

    def around(
        self, connection: Connection, position: int, settled: int
    ) -> tuple[Mark, Mark | None] | None:
        """Return the last mark before a position, and the first one after it, if there is one.

        Args:
            connection: with its transaction begun.
            position: of the ledger.
            settled: the ledger's; a mark after the position shows no later event.

        Returns:
            None for a store of an earlier release that no rebuild has filled.
        """
        rows = self._around.rows(connection, position=position, settled=settled)
        found = {kind: Mark(*mark) for kind, *mark in rows}
        if 0 not in found:
            return None
        return found.get(1, EMPTY), found.get(2)

    def since(self, connection: Connection, mark: int, terms: Collection[int]) -> dict[int, BitMap]:
        """Return number of a term → the ordinals whose chunks differ from those of a mark.

        Args:
            connection: with its transaction begun.
            mark: its number.
            terms: numbers of 1 to 900 terms.

        Raises:
            StoreDamaged: a bitmap is not what was written.
        """
        found = {term: BitMap() for term in terms}
        for term, number, checksum, data in self._since.rows(connection, [*terms], mark=mark):
            found[term] ^= decoded(place_of(term, number), checksum, data)
        return found

    def forgotten(self, connection: Connection, mark: int) -> BitMap:
        """Return the ordinals that not all changes after a mark show, given by its number."""
        found = BitMap()
        for checksum, data in self._forgotten.rows(connection, mark=mark):
            found |= decoded("bitmap of erased installations", checksum, data)
        return found

    def is_due(self, connection: Connection, last: int) -> bool:
        """Return whether so many events have come since the last mark that there should be one.

        Args:
            connection: with its transaction begun.
            last: the ledger's last position.
        """
        rows = self._newest.rows(connection)
        return last - (rows[0][2] if rows else 0) >= EVENTS

    def write(self, connection: Connection, flipped: Iterable[Flipped]) -> None:
        """Add marks; the right to write chunks should have been taken.

        A short window becomes one with that before it: a scheduler may compact often.
        """
        there = [*self._newest.rows(connection), (*EMPTY, 0), (*EMPTY, 0)]
        (number, *ends, before), (_, _, start, _) = there[:2]
        marks: list[tuple[int, int, int, int]] = []
        changes: list[tuple[int, int, int, bytes]] = []
        for settled, last, of_terms in flipped:
            flips = sum(map(len, of_terms.values()))
            if not number or marks or before + flips > FLIPS or last - start > EVENTS:
                number, changed = number + 1, of_terms
            else:
                changed = self._removed(connection, number)
                for term, bitmap in of_terms.items():
                    changed[term] ^= bitmap
                flips += before
            # What one process knows to be settled, another one may not know yet.
            ends = [*map(max, ends, (settled, last))]
            marks.append((number, ends[0], ends[1], flips))
            hidden = self.forgotten(connection, number - 1)
            changes += (
                (term, number, *written(shown))
                for term, bitmap in sorted(changed.items())
                if (shown := bitmap - hidden)
            )
        self._marks.insert(connection, marks)
        self._changes.insert(connection, changes)

    def _removed(self, connection: Connection, number: int) -> defaultdict[int, BitMap]:
        """Return the changes of a mark, which is deleted with them."""
        found = defaultdict[int, BitMap](BitMap)
        for term, mark, checksum, data in self._of.rows(connection, [number]):
            found[term] = decoded(place_of(term, mark), checksum, data)
        mark, change = self.schema.index_mark, self.schema.posting_change
        of_terms = change.c.term > FORGOTTEN
        connection.execute(delete(change).where(change.c.mark == number, of_terms))
        connection.execute(delete(mark).where(mark.c.number == number))
        return found

    def forget(self, connection: Connection, ordinals: BitMap, positions: Iterable[int]) -> None:
        """Take ordinals out of all changes up to the next mark.

        What this transaction changes itself must not be in the chunks yet: it comes with that mark.

        Args:
            connection: with its transaction begun, and with the right to write chunks.
            ordinals: of installations.
            positions: of the events to which changes of theirs go back.
        """
        changed: list[tuple[int, int, int, bytes]] = []
        emptied: list[tuple[int, int]] = []
        for page in pages(sorted(self.across(connection, positions)), AT_ONCE):
            for term, mark, checksum, data in self._of.rows(connection, page):
                bitmap = decoded(place_of(term, mark), checksum, data)
                if left := bitmap - ordinals:
                    if left != bitmap:
                        changed.append((term, mark, *written(left)))
                else:
                    emptied.append((term, mark))
        newest = next((row[0] for row in self._newest.rows(connection)), EMPTY.number)
        forgotten = self.forgotten(connection, newest) | ordinals
        changed.append((FORGOTTEN, newest + 1, *written(forgotten)))
        self._changes.write(connection, "upsert", changed)
        change = self.schema.posting_change
        for gone in pages(emptied):  # or their terms would count as used
            place = tuple_(change.c.term, change.c.mark).in_(gone)
            connection.execute(delete(change).where(place))

    def across(self, connection: Connection, positions: Iterable[int]) -> set[int]:
        """Return the numbers of the marks in whose changes an event at a position may be.

        These are few of all marks: a query finds them for all events between the same two.
        """
        last = max((last for _, _, last, _ in self._newest.rows(connection)), default=-1)
        found, settled = set[int](), -1
        for position in sorted(positions):
            if settled < position <= last:
                across = self._across.rows(connection, position=position)
                found.update(number for number, _, _ in across)
                settled = across[-1][1]
        return found


def place_of(term: int, mark: int) -> str:
    """Return where a bitmap is, for errors."""
    return f"change of term {term} up to mark {mark}"
