"""A ZIP that is written as it is read: the same content makes the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

BLOCK = 1 << 16
"""About how many bytes come at once."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time that a ZIP can name; of all members, so that bytes depend on content alone."""
UNIX = 3
OWNER_ONLY = 0o100600 << 16


class Sum(NamedTuple):
    """Size of a member in bytes, and its SHA-256 in hexadecimal digits."""

    size: int
    digest: str


class Outlet:
    """Takes what a ZIP writes, and gives it away in blocks."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, part: bytes, /) -> int:
        """Take bytes."""
        self._parts.append(bytes(part))
        self._size += len(part)
        return len(part)

    def flush(self) -> None:
        """Do nothing: a reader takes the bytes when it wants."""

    def close(self) -> None:
        """Do nothing likewise."""

    def take(self, least: int = 1) -> Iterator[bytes]:
        """Yield all bytes that were taken, if there are at least so many."""
        if self._size >= least:
            block, self._parts, self._size = b"".join(self._parts), [], 0
            yield block


class ZipStream:
    """Compresses files one after the other; none is in memory as a whole.

    Attributes:
        sums: name → sum of each member that was written.
    """

    def __init__(self) -> None:
        self.sums: dict[str, Sum] = {}
        self._outlet = Outlet()
        self._zip = ZipFile(self._outlet, "w", ZIP_DEFLATED)

    def member(self, name: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the bytes of the ZIP that come with a file's content."""
        info = ZipInfo(name, EPOCH)
        info.compress_type, info.create_system = ZIP_DEFLATED, UNIX
        info.external_attr = OWNER_ONLY
        size, digest = 0, sha256()
        with self._zip.open(info, "w") as file:
            for part in parts:
                size += len(part)
                digest.update(part)
                file.write(part)
                yield from self._outlet.take(BLOCK)
        self.sums[name] = Sum(size, digest.hexdigest())

    def end(self) -> Iterator[bytes]:
        """Yield the last bytes."""
        self._zip.close()
        yield from self._outlet.take()


def in_blocks(texts: Iterable[str]) -> Iterator[bytes]:
    """Yield texts in UTF-8, many small ones at once."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= BLOCK:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    yield "".join(waiting).encode()
