"""What came and went of a term since its chunks were written: rows of the delta, and their sum.

Each row says of an ordinal that it has a term from now on, or no longer; the last one holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pyroaring import BitMap


class Delta(NamedTuple):
    """What came and went of one term; not to be changed."""

    gained: BitMap
    lost: BitMap


UNCHANGED = Delta(BitMap(), BitMap())


class ReadDelta(NamedTuple):
    """A term's delta as it was read.

    Args:
        last: sequence up to which it was read; there were no rows behind.
        rows: how many there were.
        delta: what they come to.
    """

    last: int
    rows: int
    delta: Delta


UNREAD = ReadDelta(0, 0, UNCHANGED)


def later(before: Delta, rows: Iterable[tuple[int, int, int]]) -> Delta:
    """Return a delta with further rows, in order."""
    since = delta_of({ordinal: present for _, ordinal, present in rows})
    return Delta(
        (before.gained - since.lost) | since.gained, (before.lost - since.gained) | since.lost
    )


def delta_of(now: Mapping[int, int]) -> Delta:
    """Return the delta in which each ordinal, as it is now, is present or not."""
    gained = BitMap([ordinal for ordinal, present in now.items() if present])
    return Delta(gained, BitMap(now) - gained)
