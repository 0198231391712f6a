"""Reads a file of records at steady memory: CSV or JSON lines, plain or gzip."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from addressee.domain import InvalidValue

from ..line_reader import LINE_LIMIT, read_lines
from . import csv_reader
from .imported_rows import Format, Record

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
SHOWN = 5
"""How many columns of a wrong header an error names."""
CUT = "the file may be cut off; if it is whole, end its last line with a line break"


def read_records(file: IO[bytes], form: Format) -> Iterator[Record]:
    """Yield the records of a file, whose form is found by its first bytes.

    Args:
        file: open for reading bytes.
        form: names that the records must have are its own.

    Raises:
        InvalidValue: the file is empty, cut off, of another encoding than UTF-8, or no export of
            that kind; it names the line.
    """
    with refused_when_damaged():
        buffered = io.BufferedReader(cast("io.RawIOBase", file))
        if buffered.peek(2).startswith(GZIP):
            buffered = io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=buffered)))
        if buffered.peek(len(ZIP)).startswith(ZIP):
            raise InvalidValue("file", "is a ZIP archive: unpack it, and give each file within")
        first = buffered.peek(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if not first:
            raise InvalidValue("file", "is empty")
        if first == b"[":
            raise InvalidValue("file", "is one JSON array; write one JSON object a line")
        yield from json_records(buffered, form) if first == b"{" else csv_records(buffered, form)


@contextmanager
def refused_when_damaged() -> Generator[None]:
    """Raise InvalidValue for a file that can't be read to its end."""
    try:
        yield
    except EOFError:
        raise InvalidValue("file", "is cut off: the gzip data has no end") from None
    except (gzip.BadGzipFile, zlib.error):
        raise InvalidValue("file", "is damaged gzip data") from None
    except UnicodeDecodeError as error:
        problem = f"is no UTF-8 text: {error.reason}; convert it to UTF-8"
        raise InvalidValue("file", problem) from None


def json_records(file: IO[bytes], form: Format) -> Iterator[Record]:
    """Yield the objects of JSON lines, and those of a page where a line holds a page."""
    checked = False
    for line in read_lines(file):
        if isinstance(line.content, InvalidValue):
            advice = f"; write one object a line: jq -c '.{form.pages}[]'" if form.pages else ""
            raise InvalidValue("file", f"line {line.number}: {line.content}{advice}")
        page: object = line.content.get(form.pages) if form.pages else None
        records = cast("list[object]", page) if isinstance(page, list) else [line.content]
        for record in records:
            if not isinstance(record, dict):
                raise InvalidValue("file", f"line {line.number}: should have objects")
            if not checked:
                check_names(form, cast("dict[str, Any]", record).keys(), "field")
                checked = True
            yield cast("dict[str, Any]", record)


def csv_records(file: IO[bytes], form: Format) -> Iterator[Record]:
    """Yield the rows of a CSV file by the names in its header; cells of a repeated name as list."""
    text = io.TextIOWrapper(cast("io.BufferedReader", file), encoding="utf-8-sig", newline="")
    reader = csv_reader.rows_of(whole_lines(text))
    try:
        header: list[str] = next(reader)
        check_names(form, header, "column")
        repeated = {name for name, times in Counter(header).items() if times > 1}
        for cells in reader:
            if not cells or (len(cells) == 1 and not cells[0].strip()):
                continue
            if len(cells) != len(header):
                problem = f"has {len(cells)} cells, its header {len(header)}"
                raise InvalidValue("file", f"line {reader.line_num}: {problem}")
            record: dict[str, Any] = {name: list[str]() for name in repeated}
            for name, cell in zip(header, cells, strict=True):
                if name in repeated:
                    record[name].append(cell)
                else:
                    record[name] = cell
            yield record
    except csv_reader.Error as error:
        raise InvalidValue("file", f"line {reader.line_num}: {error}") from None


def whole_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines; raises InvalidValue where the last one has no end, or one is too long."""
    number = 0
    while line := text.readline(LINE_LIMIT):
        number += 1
        if not line.endswith(("\n", "\r")):
            long = len(line) == LINE_LIMIT
            problem = "is longer than 1 MiB" if long else f"has no line end: {CUT}"
            raise InvalidValue("file", f"line {number} {problem}")
        yield line


def check_names(form: Format, names: Any, unit: str) -> None:  # noqa: ANN401 # any collection
    """Raise InvalidValue where names that the format needs are missing."""
    missing = [name for name in form.needs if name not in names]
    if missing:
        found = ", ".join(str(name)[:40] for name in list(names)[:SHOWN])
        hint = f"; {form.hint}" if form.hint else ""
        problem = f"is no {form.name} export: it has no {unit} {missing[0]}, but {found}…{hint}"
        raise InvalidValue("file", problem)
