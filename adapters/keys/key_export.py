"""The keys of a sealed ledger in a file of their own, wrapped, for another key store.

JSON lines: a heading, a key a line, and an end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import IO, Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from addressee.adapters.serialization.sealed_event_format import keys_in
from addressee.application import End, Sink, Stored
from addressee.domain import InvalidValue

from .sql_keys import PAGE, Copy, SqlKeyStore

LINE_LIMIT = 1 << 10
"""Longest line that is read, in bytes."""


class Line(BaseModel):
    """One line."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class HeadingLine(Line):
    """The first line: version of the format."""

    sealed_keys: Literal[1] = 1


class KeyLine(Line):
    """A key: its id, which wrapping key wraps it, and the wrapped key; none if it is destroyed."""

    id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    wrapped_by: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    wrapped: Annotated[str, Field(pattern="^[0-9a-f]{120}$")] | None = None


class EndLine(Line):
    """The last line, so that a file that was cut off is noticed: how many keys there are."""

    keys: Annotated[int, Field(ge=0)]


L = TypeVar("L", bound=Line)


class KeySink:
    """Takes a ledger on its way to another sink, and notes the keys that it was sealed with.

    Args:
        sink: the other one.

    Attributes:
        ids: of the keys; about 100 bytes of memory each.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.ids: set[str] = set()

    def write(self, events: Sequence[Stored]) -> None:
        """Take the next events."""
        self.ids.update(key for _, _, key in keys_in(events))
        self._sink.write(events)

    def finish(self, end: End) -> None:
        """Take the end."""
        self._sink.finish(end)


def write_keys(file: IO[bytes], keys: SqlKeyStore, ids: Collection[str]) -> None:
    """Write keys to a file, wrapped by the key store's wrapping key.

    Raises:
        KeyMissing: one of them is not in the key store, and was not destroyed.
    """
    file.write(line_of(HeadingLine()))
    for name, by, wrapped in keys.copies(ids):
        content = None if wrapped is None else wrapped.hex()
        file.write(line_of(KeyLine(id=name, wrapped_by=by, wrapped=content)))
    file.write(line_of(EndLine(keys=len(ids))))


def read_keys(file: IO[bytes], keys: SqlKeyStore) -> Iterator[Mapping[str, bytes | None]]:
    """Yield the keys in a file, some at a time: id → secret, None for one that was destroyed.

    Args:
        file: as `write_keys` wrote it.
        keys: has the wrapping key, as the newest or a retired one.

    Raises:
        InvalidValue: it is no such file, or not a complete one.
        WrappingKeyWrong: its keys are wrapped by another key.
    """
    checked(HeadingLine, file.readline(LINE_LIMIT), 1)
    page: list[Copy] = []
    number = 0
    while (line := file.readline(LINE_LIMIT)).startswith(b'{"id":'):
        number += 1
        row = checked(KeyLine, line, number + 1)
        wrapped = None if row.wrapped is None else bytes.fromhex(row.wrapped)
        page.append(Copy(row.id, row.wrapped_by, wrapped))
        if len(page) == PAGE:
            yield keys.opened(page)
            page = []
    if checked(EndLine, line, number + 2).keys != number or file.read(1):
        raise InvalidValue("keys_file", "is not whole, or goes on after its end")
    yield keys.opened(page)


def line_of(line: Line) -> bytes:
    """Return a line as it is written."""
    return line.model_dump_json(exclude_none=True).encode() + b"\n"


def checked(kind: type[L], line: bytes, number: int) -> L:
    """Return what a line says; raises InvalidValue."""
    try:
        return kind.model_validate_json(line)
    except ValidationError:
        raise InvalidValue("keys_file", f"line {number} is none that was exported") from None
