"""A ledger as JSON Lines: a heading, an event a line, and an end (docs/export.md)."""

from __future__ import annotations

import json
from base64 import b64encode
from codecs import BOM_UTF8
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from addressee.application import End, Heading, Stored
from addressee.domain import LedgerFileInvalid

from .file_schema import EndFields, EventFields, HeadingFields, checked, checked_event, is_object

LINE_LIMIT = 1 << 26
"""Longest line that is read, in bytes: a person with all that a person may have is far below."""
STATE = b',"state":'
"""The bytes before an event's own JSON; within a JSON string its quotes would be escaped."""


@contextmanager
def jsonl_sink(file: IO[bytes], heading: Heading) -> Generator[JsonLinesSink]:
    """Write a ledger; see `JsonLinesSink`."""
    yield JsonLinesSink(file, heading)


class JsonLinesSink:
    """Writes a ledger.

    Args:
        file: open for writing bytes.
        heading: of the ledger.
    """

    def __init__(self, file: IO[bytes], heading: Heading) -> None:
        self._file = file
        file.write(HeadingFields.of(heading).line())

    def write(self, events: Sequence[Stored]) -> None:
        """Write events, the JSON of each as it is stored."""
        self._file.write(b"".join(map(line_of, events)))

    def finish(self, end: End) -> None:
        """Write the end."""
        self._file.write(EndFields.of(end).line())


class JsonLinesSource:
    """Reads a ledger, at steady memory.

    Args:
        file: open for reading bytes.

    Attributes:
        heading: of the ledger.
        events: in ledger order.

    Raises:
        LedgerFileInvalid: the file does not begin as one.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._number = 0
        self._end: End | None = None
        first = self._line()
        if first.startswith(BOM_UTF8):
            problem = "begins with a byte order mark (BOM); save the file as UTF-8 without one"
            raise LedgerFileInvalid("line 1", problem)
        self.heading = checked(HeadingFields, first, "line 1").heading()
        self.events: Iterator[Stored] = self._events()

    def end(self) -> End:
        """Return the end, once all events are taken."""
        if self._end is None:
            raise LedgerFileInvalid("end", "is missing: the file was cut off")
        return self._end

    def _events(self) -> Iterator[Stored]:
        while line := self._line():
            place = f"line {self._number}"
            if self._end is not None:
                raise LedgerFileInvalid(place, "comes after the end")
            if line.startswith(b'{"events":'):
                self._end = checked(EndFields, line, place).end()
            else:
                yield event_of(line, place)

    def _line(self) -> bytes:
        """Return the next line, nothing at the file's end."""
        self._number += 1
        line = self._file.readline(LINE_LIMIT)
        if line and not line.endswith(b"\n"):
            raise LedgerFileInvalid(f"line {self._number}", "is cut off, or longer than 64 MiB")
        return line


def line_of(event: Stored) -> bytes:
    """Return an event as a line."""
    position, stream, version, topic, state = event
    head = f'{{"position":{position},"stream":{quoted(stream)},"version":{version}'
    head += f',"topic":{quoted(topic)}'
    if is_object(state) and b"\n" not in state:
        return b"".join((head.encode(), STATE, state, b"}\n"))
    return f'{head},"state_base64":"{b64encode(state).decode()}"}}\n'.encode()


def quoted(text: str) -> str:
    """Return a text as JSON has it, letters of all alphabets as they are."""
    return json.dumps(text, ensure_ascii=False)


def event_of(line: bytes, place: str) -> Stored:
    """Return the event that a line holds; raises LedgerFileInvalid."""
    fields = checked(EventFields, line, place)
    state = fields.state_base64
    if state is None:
        state = line.rstrip(b"\r\n").partition(STATE)[2][:-1]
        if not is_object(state):
            raise LedgerFileInvalid(place, "state should be there, and last, as it was exported")
    event = Stored(fields.position, fields.stream, fields.version, fields.topic, state)
    return checked_event(event, place)
