"""Bitmaps as columns of a row: their bytes and a checksum of these."""

from __future__ import annotations

import zlib

from pyroaring import BitMap

from addressee.domain import StoreDamaged


def written(bitmap: BitMap) -> tuple[int, bytes]:
    """Return checksum and bytes."""
    data = bitmap.serialize()
    return zlib.crc32(data), data


def decoded(place: str, checksum: int, data: bytes) -> BitMap:
    """Return a row's bitmap; raises StoreDamaged if its bytes are not those that were written.

    The checksum comes first, because the bitmap's own decoder accepts some corrupt headers.

    Args:
        place: where the row is, for the error.
        checksum: as `written` gives it.
        data: likewise.
    """
    if zlib.crc32(data) != checksum:
        raise StoreDamaged(f"{place} has a wrong checksum; rebuild it")
    try:
        return BitMap.deserialize(data)
    except (ValueError, IndexError):
        raise StoreDamaged(f"{place} holds no bitmap; rebuild it") from None
