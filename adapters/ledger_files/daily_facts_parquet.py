"""Facts as Parquet files by day: each run adds files, and never changes one (docs/analytics.md).

A run writes all files of a segment of the ledger under hidden names, and then renames them. If it
is killed before the first rename, the next run removes them and reads the segment again; if later,
the next run renames the rest. So the names alone tell what is there (decision 037).
"""

# pyarrow has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import fcntl
import os
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped] # likewise
from pydantic import Field

from addressee.application import START, FactRow, FactsEnd, FactsHeading
from addressee.domain import InvalidValue, LedgerFileInvalid

from .file_schema import Digest, Fields, checked

COLUMNS: Any = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("application", pa.string()),
        pa.field("installation", pa.string()),
        pa.field("person", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("actor", pa.string(), nullable=False),
        pa.field("details", pa.string(), nullable=False),
    ]
)
END = "addressee.facts"
DIGITS = 19
"""Of the largest position: names of files sort as their positions do."""
DONE, UNDONE = ".parquet", ".part"
"""DuckDB's patterns match hidden names too, so what is not done has another ending as well."""
LOCK = ".lock"
OWNER_ONLY = 0o700


class EndFields(Fields):
    """What each file's metadata says: whose facts these are, of which kind, and where they end."""

    facts: Literal[1]
    key_fingerprint: str
    personal: bool
    last: Annotated[int, Field(ge=0)]
    digest: Digest


@contextmanager
def day_folder(path: Path, heading: FactsHeading) -> Generator[DayFolder]:
    """Open a folder to add facts to; see `opened_days`."""
    try:
        path.mkdir(mode=OWNER_ONLY, exist_ok=True)
        lock = (path / LOCK).open("wb")
    except OSError as error:
        raise InvalidValue("folder", f"{path} can't be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InvalidValue("folder", f"{path} is in use by another export") from None
        yield DayFolder(path, heading)


class DayFolder:
    """Takes facts, and writes those of each day to the day's own folder.

    Args:
        path: of the folder, which nobody else writes to meanwhile.
        heading: whose facts, and whether with personal data.

    Attributes:
        end: where what was kept ends.

    Raises:
        InvalidValue: the folder has the facts of another ledger, or of the other kind.
        LedgerFileInvalid: its newest file can't be read.
    """

    def __init__(self, path: Path, heading: FactsHeading) -> None:
        self._path = path
        self._heading = heading
        self._waiting = defaultdict[date, list[Any]](list)
        self._complete()
        self.end = self._known_end()
        self._first = self.end.last + 1

    def write(self, rows: Sequence[FactRow]) -> None:
        """Take the next rows."""
        for day, of_day in groupby(sorted(rows, key=day_of), day_of):
            columns = zip(*of_day, strict=True)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, COLUMNS, strict=True)]
            self._waiting[day].append(pa.Table.from_arrays(arrays, schema=COLUMNS))

    def keep(self, end: FactsEnd) -> None:
        """Write the rows since the last call to a file for each day."""
        self.end = end
        if not self._waiting:
            return
        said = EndFields(
            facts=1,
            key_fingerprint=self._heading.key_fingerprint,
            personal=self._heading.personal,
            last=end.last,
            digest=end.digest.hex(),
        )
        metadata = {END: said.line().strip()}
        name = f"{self._first:0{DIGITS}}-{end.last:0{DIGITS}}"
        try:
            for day, tables in self._waiting.items():
                folder = self._path / f"day={day.isoformat()}"
                folder.mkdir(exist_ok=True)
                with (folder / f".{name}{UNDONE}").open("wb") as file:
                    table: Any = pa.concat_tables(tables).replace_schema_metadata(metadata)
                    pq.write_table(table, file, compression="zstd")
                    file.flush()
                    os.fsync(file.fileno())
                synced(folder)
            synced(self._path)
            self._complete(name)
        except OSError as error:
            problem = f"{self._path} can't be written: {error.strerror}"
            raise InvalidValue("folder", problem) from None
        self._waiting.clear()
        self._first = end.last + 1

    def _complete(self, name: str | None = None) -> None:
        """Rename the files of a segment, by default those of one whose renaming was interrupted.

        Files of any other segment are removed: it may lack some.
        """
        begun = {name} if name else {path.stem for path in self._path.glob(f"day=*/*{DONE}")}
        for path in sorted(self._path.glob(f"day=*/.*{UNDONE}")):
            finished = path.name.removeprefix(".").removesuffix(UNDONE)
            if finished in begun:
                path.rename(path.with_name(finished + DONE))
                synced(path.parent)
            else:
                path.unlink()

    def _known_end(self) -> FactsEnd:
        """Return where the newest file says that the facts end."""
        newest = max(self._path.glob(f"day=*/*{DONE}"), key=lambda path: path.name, default=None)
        if newest is None:
            return FactsEnd(0, START)
        place = str(newest.relative_to(self._path))
        try:
            metadata: dict[bytes, bytes] = {**(pq.read_schema(newest).metadata or {})}
        except (pa.ArrowException, OSError) as refused:
            raise LedgerFileInvalid(place, f"is no Parquet file: {refused}") from None
        said = checked(EndFields, metadata.get(END.encode(), b""), place)
        if said.key_fingerprint != self._heading.key_fingerprint:
            raise InvalidValue("folder", f"{self._path} has the facts of another ledger")
        if said.personal != self._heading.personal:
            kind = "with" if said.personal else "without"
            problem = f"{self._path} has facts {kind} personal data: begin a folder for others"
            raise InvalidValue("folder", problem)
        return FactsEnd(said.last, bytes.fromhex(said.digest))


def day_of(row: FactRow) -> date:
    """Return the day of a fact in UTC, in which all events have their time."""
    return row.time.date()


def synced(folder: Path) -> None:
    """Have the disk keep the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
