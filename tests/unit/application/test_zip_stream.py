"""A ZIP comes in parts while its files are read, and the same files make the same bytes."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from zipfile import ZipFile

from addressee.application.rights.zip_stream import BLOCK, ZipStream, in_blocks


def noise(parts: int, read: list[int]) -> Iterator[bytes]:
    """Yield what no compressor makes smaller, and note how much was read."""
    source = random.Random(7)  # noqa: S311 # guards nothing
    for number in range(parts):
        read.append(number)
        yield source.randbytes(BLOCK)


def zipped(parts: int, read: list[int]) -> Iterator[bytes]:
    archive = ZipStream()
    yield from archive.member("a", noise(parts, read))
    yield from archive.member("b", in_blocks(["é"] * BLOCK))
    yield from archive.end()


def test_a_part_comes_before_the_file_is_read_to_its_end() -> None:
    read: list[int] = []
    parts = zipped(50, read)
    first = next(parts)
    assert len(read) < 5
    rest = [*parts]
    assert len(read) == 50
    assert max(map(len, (first, *rest))) < 4 * BLOCK
    with ZipFile(io.BytesIO(first + b"".join(rest))) as file:
        assert file.read("a") == b"".join(noise(50, []))
        assert file.read("b").decode() == "é" * BLOCK


def test_the_same_files_make_the_same_bytes() -> None:
    assert b"".join(zipped(3, [])) == b"".join(zipped(3, []))
    with ZipFile(io.BytesIO(b"".join(zipped(3, [])))) as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
