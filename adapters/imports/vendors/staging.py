"""Rows on their way: in a private temporary file of SQLite, so that memory stays steady.

The whole file is read before anything is written to the store. SQLite deletes the file when it is
closed, and on POSIX systems nobody else can open it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from itertools import islice
from typing import Any, NamedTuple

from addressee.domain.times import from_microseconds, microseconds_or_none

from .imported_rows import Row

TABLE = """
create table row (
    number integer primary key, id text not null unique, push integer not null, token text,
    person text, usable integer not null, seen integer, content text not null,
    superseded integer not null default 0, at integer
)
"""
ADD = """
insert or ignore into row (id, push, token, person, usable, seen, content)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
"""
REPLACE = """
replace into row (id, push, token, person, usable, seen, content)
select ?1, ?2, ?3, ?4, ?5, ?6, ?7 where not exists (
    select 1 from row where id = ?1 and seen is not null and (?6 is null or seen > ?6)
)
"""
SUPERSEDED = """
update row set superseded = 1, at = coalesce(seen, ranked.first) from (
    select number, min(seen) over (partition by token) first,
        row_number() over (partition by token order by seen desc, number desc) rank
    from row where token is not null
) ranked
where ranked.rank > 1 and ranked.number = row.number
"""
"""One without a time comes just before the first with that token that has one. All others without a
time come last: nothing that is recorded of their persons or tokens afterwards can be earlier."""
OF_PERSON = "create index of_person on row (person) where push and usable and not superseded"
IN_ORDER = """
select row.number, row.content, coalesce(row.at, row.seen) time, row.superseded,
case when push then null else (
    select device.id from row device
    where device.person = row.person and device.push and device.usable and not device.superseded
    order by device.seen desc, device.number desc limit 1
) end
from row order by push desc, time is null, time, seen is not null, number
"""
BATCH = 500


class Staged(NamedTuple):
    """A row that is to be imported.

    Args:
        number: of the record it comes from, from 1; rows of one record share none.
        row: as the format gave it.
        superseded: whether a row that comes later has the same push token.
        device: for a contact, the installation of its person that was last seen, if there is one.
    """

    number: int
    row: Row
    superseded: bool
    device: str | None


class Staging:
    """Takes rows in the file's order and gives them back oldest first, contacts after devices.

    Rows without a time come last, unless one with a time has their push token.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("pragma journal_mode = off")
        self._database.execute(TABLE)
        self._database.execute("begin")
        self.count = 0

    def close(self) -> None:
        """Delete the file."""
        self._database.close()

    def add(self, row: Row) -> bool:
        """Take a row; return False for an id that an earlier row had.

        Of the two the one that was seen last is kept, and the later one where neither is newer.
        """
        push = row.kind == "push"
        token = row.address if push and row.state != "dead" else None
        usable = push and row.state != "dead" and row.external_id is not None
        content = json.dumps(asdict(replace(row, seen=None)), ensure_ascii=True)
        name = row.id if push else f"{row.kind}\x1f{row.id}"
        seen = microseconds_or_none(row.seen)
        cells = (name, push, token, row.external_id, usable, seen, content)
        added = self._database.execute(ADD, cells).rowcount
        if not added:
            self._database.execute(REPLACE, cells)
        self.count += added
        return bool(added)

    def dated(self) -> int:
        """Return how many of the rows have a time."""
        return int(self._database.execute("select count(seen) from row").fetchone()[0])

    def batches(self) -> Iterator[list[Staged]]:
        """Yield the rows in the order in which they are imported; call it once, at the end."""
        self._database.execute(SUPERSEDED)
        self._database.execute(OF_PERSON)
        with closing(self._database.execute(IN_ORDER)) as cursor:
            while batch := [staged(*cells) for cells in islice(cursor, BATCH)]:
                yield batch


def staged(
    number: int, content: str, seen: int | None, superseded: int, device: str | None
) -> Staged:
    """Return a row as it was taken."""
    fields: dict[str, Any] = json.loads(content)
    for name in ("emails", "msisdns", "tags", "person_tags"):
        fields[name] = None if fields[name] is None else tuple(fields[name])
    fields["seen"] = None if seen is None else from_microseconds(seen)
    return Staged(number, Row(**fields), bool(superseded), device)
