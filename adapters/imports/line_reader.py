"""A file of JSON objects, one a line, read at steady memory."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from addressee.adapters.mobile_sdk import json_object
from addressee.domain import InvalidValue, LimitExceeded

LINE_LIMIT = 1 << 20
"""Longest line that is read, in bytes; the rest of a longer one is passed over."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, the file's size up to its end, and what it holds.

    Attributes:
        content: the JSON object, or the error by which the line is refused.
    """

    number: int
    end: int
    content: dict[str, Any] | InvalidValue


def read_lines(file: IO[bytes]) -> Iterator[Line]:
    """Yield the lines of a file that are not blank.

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
        elif raw.strip():
            yield Line(number, end, parsed(raw))


def starts_as_utf8(raw: bytes) -> bool:
    """Whether bytes are UTF-8, but for a character that is cut at their end."""
    try:
        getincrementaldecoder("utf-8")().decode(raw)
    except UnicodeDecodeError:
        return False
    return True


def skip_line(file: IO[bytes]) -> int:
    """Read on to the end of the line, keeping nothing; return how many bytes that was."""
    size = 0
    while raw := file.readline(LINE_LIMIT):
        size += len(raw)
        if raw.endswith(b"\n"):
            break
    return size


def parsed(raw: bytes) -> dict[str, Any] | InvalidValue:
    """Return a line's JSON object, or the error by which it is refused."""
    try:
        return json_object("line", raw)
    except InvalidValue as refusal:
        return refusal
