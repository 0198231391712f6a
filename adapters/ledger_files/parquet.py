"""A ledger as Parquet: a row an event, heading and end in the file's own metadata."""

# pyarrow has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped] # likewise

from addressee.application import End, Heading, Stored
from addressee.domain import LedgerFileInvalid

from .file_schema import EndFields, HeadingFields, checked, checked_event, is_object

COLUMNS: Any = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("stream", pa.string(), nullable=False),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        pa.field("state", pa.string()),
        pa.field("state_bytes", pa.binary()),
    ]
)
"""An event's state is JSON, or bytes if a cipher or compressor made it."""
TEXTS = ["stream", "topic", "state", "state_bytes"]
HEADING, END = "addressee.heading", "addressee.end"
GROUP = 50_000
"""Most rows of one group: a reader of other makes may need it in memory at once."""
GROUP_BYTES = 1 << 26
"""How many bytes of state end a group before that."""
GROUP_LIMIT = 4 * GROUP_BYTES
"""Most bytes of a group that is read, as its metadata has them: a file of 1 MB can unpack to GB."""
BATCH = 100
"""How many rows are unpacked at once."""


@contextmanager
def parquet_sink(file: IO[bytes], heading: Heading) -> Generator[ParquetSink]:
    """Write a ledger; see `ParquetSink`."""
    # It would else close when it is collected, and write to a file that is closed.
    with pq.ParquetWriter(file, COLUMNS, compression="zstd") as writer:
        yield ParquetSink(writer, heading)


class ParquetSink:
    """Writes a ledger.

    Args:
        writer: pyarrow's own.
        heading: of the ledger.
    """

    def __init__(self, writer: Any, heading: Heading) -> None:  # noqa: ANN401 # it has no types
        self._writer = writer
        self._waiting: list[Stored] = []
        self._bytes = 0
        self._heading = heading

    def write(self, events: Sequence[Stored]) -> None:
        """Take events, and write a group of them when there are enough."""
        for event in events:
            self._waiting.append(event)
            self._bytes += len(event.state)
            if len(self._waiting) == GROUP or self._bytes >= GROUP_BYTES:
                self._flush()

    def finish(self, end: End) -> None:
        """Write the rest, heading and end."""
        if self._waiting:
            self._flush()
        heading, last = HeadingFields.of(self._heading).line(), EndFields.of(end).line()
        self._writer.add_key_value_metadata({HEADING: heading.strip(), END: last.strip()})

    def _flush(self) -> None:
        positions, streams, versions, topics, states = zip(*self._waiting, strict=True)
        readable = [is_object(state) for state in states]
        texts = [s.decode() if r else None for s, r in zip(states, readable, strict=True)]
        rest = [None if r else s for s, r in zip(states, readable, strict=True)]
        columns = [positions, streams, versions, topics, texts, rest]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, COLUMNS, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=COLUMNS), row_group_size=GROUP)
        self._waiting, self._bytes = [], 0


class ParquetSource:
    """Reads a ledger, at steady memory.

    Args:
        file: open for reading bytes, from any place in it.

    Attributes:
        heading: of the ledger.
        events: in ledger order.

    Raises:
        LedgerFileInvalid: the file is no Parquet file, or holds no ledger.
    """

    def __init__(self, file: IO[bytes]) -> None:
        try:
            # As a dictionary, a text that many rows share is in memory once, as it is in the file.
            self._file: Any = pq.ParquetFile(file, read_dictionary=TEXTS)
        except (pa.ArrowException, OSError) as refused:
            raise LedgerFileInvalid("beginning", f"is no Parquet file: {refused}") from None
        self._metadata: dict[bytes, bytes] = self._file.metadata.metadata or {}
        self.heading = checked(HeadingFields, self._said(HEADING), HEADING).heading()
        columns = self._file.schema.to_arrow_schema()
        if not columns.remove_metadata().equals(COLUMNS):
            raise LedgerFileInvalid("columns", f"should be {', '.join(COLUMNS.names)}")
        self.events: Iterator[Stored] = self._events()

    def end(self) -> End:
        """Return the end."""
        return checked(EndFields, self._said(END), END).end()

    def _said(self, name: str) -> bytes:
        if name.encode() not in self._metadata:
            raise LedgerFileInvalid("metadata", f"has no {name}")
        return self._metadata[name.encode()]

    def _events(self) -> Iterator[Stored]:
        try:
            for number in range(self._file.num_row_groups):
                size = self._file.metadata.row_group(number).total_byte_size
                if size > GROUP_LIMIT:
                    problem = f"has {size:,} bytes; {GROUP_LIMIT:,} are the limit"
                    raise LedgerFileInvalid(f"row group {number}", problem)
                for batch in self._file.iter_batches(BATCH, row_groups=[number]):
                    for row in zip(*batch.columns, strict=True):
                        at, stream, version, topic, text, rest = (each.as_py() for each in row)
                        state = (text or "").encode() if rest is None else rest
                        event = Stored(at, stream, version, topic, state)
                        yield checked_event(event, f"position {at}")
        except (pa.ArrowException, OSError) as refused:
            raise LedgerFileInvalid("rows", f"can't be read: {refused}") from None
