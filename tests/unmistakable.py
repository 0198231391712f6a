"""A person whose values are found wherever they stand, in clear or as a plain hash."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

VALUES = {
    "token": "unmistakable-token-7f3a",
    "device": "Unmistakable's phone",
    "external id": "unmistakable-external-id",
    "email": "unmistakable@x.com",
    "phone": "385991746352",
    "name": "Unmistakable Name",
    "plan": "unmistakable-plan",
    "tag": "unmistakable-tag",
    "installation tag": "unmistakable-itag",
    "installation attribute": "unmistakable-colour",
    "title": "Dear Unmistakable",
    "key": "unmistakable-idempotency-key",
}
"""What `live` of the tests of sealing gives a person and its device."""

HASHES = ("md5", "sha1", "sha256", "blake2b")
WORD = 8
"""Bytes of the shortest form: no content has one by chance."""


def forms(value: str) -> Iterator[bytes]:
    """Yield a value as it may stand somewhere, and plain hashes of it."""
    for text in {value, value.casefold()}:
        plain = text.encode()
        yield plain
        yield text.encode("utf-16-le")
        yield from written(plain)
        for kind in HASHES:
            yield from digests(hashlib.new(kind, plain).digest())
        yield from digests(hashlib.blake2b(plain, digest_size=16).digest())


def digests(digest: bytes) -> Iterator[bytes]:
    """Yield the beginning of a hash as bytes and as they may be written."""
    yield digest[:16]
    yield from written(digest[:16])


def written(content: bytes) -> Iterator[bytes]:
    """Yield bytes as text: a dump writes columns of bytes so, and JSON may hold base64."""
    yield content.hex().encode()
    yield content.hex().upper().encode()
    for shift in range(3):
        # Within a longer text, its first and last characters depend on its neighbours.
        text = base64.b64encode(bytes(shift) + content)[(0, 2, 3)[shift] :]
        cut = text[: -4 if (len(content) + shift) % 3 else None]
        if len(cut) >= WORD:
            yield cut


@cache
def beginnings(values: tuple[str, ...]) -> dict[int, list[tuple[str, bytes]]]:
    """Return the first eight bytes of each form, as a number → its values and forms."""
    found: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
    for value in values:
        for form in forms(value):
            found[memoryview(form[:WORD]).cast("Q")[0]].append((value, form))
    return found


def found_in(content: bytes, values: Mapping[str, str] = VALUES) -> list[str]:
    """Return which of the values stand in bytes.

    Each byte is compared with the beginnings of all forms at once: to look for one form after the
    other takes minutes in the files of a server.
    """
    sought = beginnings((*values.values(),))
    likely: set[tuple[str, bytes]] = set()
    for shift in range(WORD):
        length = (len(content) - shift) // WORD * WORD
        if length > 0:
            words = memoryview(content)[shift : shift + length].cast("Q")
            likely.update(each for word in sought.keys() & {*words} for each in sought[word])
    found = {value for value, form in likely if form in content}
    return [name for name, value in values.items() if value in found]


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder and its folders."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]
