"""Reads a file of JSON objects, one a line, in constant memory."""

from __future__ import annotations

from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from addressee.adapters.mobile_sdk import json_object
from addressee.domain import InvalidValue, LimitExceeded

LINE_LIMIT = 1 << 20
"""Longest line, in bytes with its line end; a longer one is skipped."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        number: from 1.
        end: the bytes of the file up to the line's end.
        content: the JSON object, or the error that refuses the line.
    """

    number: int
    end: int
    content: dict[str, Any] | InvalidValue


def read_lines(file: IO[bytes]) -> Iterator[Line]:
    """Yield the lines of a file that are not blank.

    A byte order mark at the start is skipped.

    Raises:
        InvalidValue: the file is not text: it has NUL bytes, or does not start with UTF-8.
    """
    number = end = 0
    while raw := file.readline(LINE_LIMIT + 1):
        number += 1
        end += len(raw)
        if b"\0" in raw:
            raise InvalidValue("file", f"is not text: line {number} has NUL bytes")
        if number == 1 and not starts_as_utf8(raw):
            raise InvalidValue("file", "is not text: line 1 is no UTF-8")
        if len(raw) > LINE_LIMIT:
            rest = skip_line(file) if not raw.endswith(b"\n") else 0
            end += rest
            size = len(raw) + rest
            yield Line(number, end, LimitExceeded("line", LINE_LIMIT, size, unit="bytes"))
        elif text := (raw.removeprefix(BOM_UTF8) if number == 1 else raw).strip():
            yield Line(number, end, parsed(text))


def starts_as_utf8(raw: bytes) -> bool:
    """Return whether bytes are UTF-8, apart from a character that is cut off at the end."""
    try:
        getincrementaldecoder("utf-8")().decode(raw)
    except UnicodeDecodeError:
        return False
    return True


def skip_line(file: IO[bytes]) -> int:
    """Skip the rest of a line; return its number of bytes."""
    size = 0
    while raw := file.readline(LINE_LIMIT):
        size += len(raw)
        if raw.endswith(b"\n"):
            break
    return size


def parsed(raw: bytes) -> dict[str, Any] | InvalidValue:
    """Return a line's JSON object, or the error that refuses it."""
    try:
        return json_object("line", raw)
    except InvalidValue as refusal:
        return refusal
