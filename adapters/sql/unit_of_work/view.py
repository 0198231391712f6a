"""What a store shows within one transaction."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, cast

from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, Join, case, func, select

from addressee.application import Recipient, Recorded
from addressee.domain import MobileApp
from addressee.domain.times import from_microseconds, to_microseconds

from ..audience_index.recipient_rows import RecipientRows, with_address
from ..engine.compiled_query import Read, pages
from ..event_store.event_statements import KNOWN, LAST, EventStatements
from ..schema.bookkeeping_tables import FLAGGED
from ..schema.tables import Schema
from .index_view import IndexView

UNKNOWN = [(None, None)] * KNOWN
MANY_KNOWN = 5 * KNOWN
DENSE = 1.5
"""Up to so many rows an id, ids are read as a range of ordinals, which is faster than a list."""


class SqlReader(IndexView):
    """Ledger and read models as one open transaction sees them.

    Args:
        connection: with its transaction begun.
        parts: the store's.
    """

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → its events behind a version.

        Of streams that are known up to a version, only the next event is asked for, so that one
        statement serves them all; where there is one, the rest follows in a second. Of many, it is
        asked where each ends.
        """
        if sum(map(bool, after.values())) > MANY_KNOWN:
            return self._many_streams(after)
        table = self._schema.event
        whole = [stream for stream, version in after.items() if version == 0]
        next_ones = [(stream, version + 1) for stream, version in after.items() if version]
        found: dict[str, list[Recorded]] = defaultdict(list)
        for read in reads(self._prepared, whole, next_ones):
            self._gather(found, self._rows(read))
        for stream, next_version in next_ones:
            if stream in found:
                rest = (table.c.stream == stream) & (table.c.version > next_version)
                self._gather(found, self._connection.execute(self._prepared.recorded.where(rest)))
        return found

    def _rows(self, read: Read) -> Sequence[Sequence[Any]]:
        """Return the rows of a query."""
        return read.rows(self._connection)

    def _many_streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return the same; streams that go on are read whole."""
        ends: dict[str, int] = {}
        for page in pages(stream for stream, version in after.items() if version):
            ends.update(self._prepared.ends.rows(self._connection, page))
        going_on = (s for s, version in after.items() if not version or ends.get(s, 0) > version)
        found: dict[str, list[Recorded]] = defaultdict(list)
        for page in pages(going_on):
            self._gather(found, self._prepared.whole.rows(self._connection, page))
        return {
            stream: [each for each in recorded if each.event.originator_version > after[stream]]
            for stream, recorded in found.items()
        }

    def _gather(self, found: dict[str, list[Recorded]], rows: Iterable[Sequence[Any]]) -> None:
        """Add recorded events to those that were found of their streams."""
        if self._sealing is not None:
            rows = self._sealing.opened([*rows], streams=True, epoch=self.epoch)
        for position, stream, version, topic, state in rows:
            event = self._mapper.event(stream, version, topic, state)
            found[stream].append(Recorded(position, event))

    def events(self, after: int, limit: int, last: int | None = None) -> Sequence[Recorded]:
        """Return events behind a position, in ledger order."""
        event = self._mapper.event
        rows = self._prepared.page.rows(
            self._connection, after=after, limit=limit, last=LAST if last is None else last
        )
        if self._sealing is not None:
            rows = self._sealing.opened(rows)
        return [
            Recorded(position, event(stream, version, topic, state))
            for position, stream, version, topic, state in rows
        ]

    def bound(self, application: str, claims: AbstractSet[str]) -> Mapping[str, BitMap]:
        """Return claim stream → ordinals."""
        found: dict[str, BitMap] = defaultdict(BitMap)
        for page in pages(claims):
            for claim, ordinal in self._prepared.index.bound.rows(
                self._connection, page, application=application
            ):
                found[claim].add(ordinal)
        return found

    def ordinals(
        self, application: str | None, installations: AbstractSet[str]
    ) -> Mapping[str, int]:
        """Return installation → ordinal."""
        found: dict[str, int] = {}
        index = self._prepared.index
        for page in pages(installations):
            if application is None:
                found.update(index.ordinals_anywhere.rows(self._connection, page))
            else:
                found.update(index.ordinals.rows(self._connection, page, application=application))
        return found

    def segments(
        self, application: str, names: AbstractSet[str] | None = None
    ) -> Mapping[str, str]:
        """Return name → expression."""
        found: dict[str, bytes] = {}
        index = self._prepared.index
        if names is None:
            rows = index.segments.rows(self._connection, application=application)
            found.update((name, bytes(text)) for name, text in rows)
        for page in pages(names or ()):
            rows = index.named_segments.rows(self._connection, page, application=application)
            found.update((name, bytes(text)) for name, text in rows)
        if (sealing := self._sealing) is not None:
            for name, text in found.items():
                found[name] = sealing.opened_value(segment_place(application, name), text)
        return {name: text.decode() for name, text in found.items()}

    def names(self, ordinals: Sequence[int]) -> Sequence[str]:
        """Return the ids of installations."""
        kept = self._postings.ids(ordinals[-1]) if ordinals else None
        if kept is None:
            return self._read_names(ordinals)
        names = [kept[ordinal] for ordinal in ordinals]
        if not all(names):
            missing = [ordinal for ordinal in ordinals if kept[ordinal] is None]
            for ordinal, name in zip(missing, self._read_names(missing), strict=True):
                kept[ordinal] = name
            names = [kept[ordinal] for ordinal in ordinals]
        return cast("list[str]", names)

    def _read_names(self, ordinals: Sequence[int]) -> list[str]:
        found: list[str] = []
        for page in pages(ordinals):
            first, last = page[0], page[-1]
            if last - first < DENSE * len(page):
                rows = self._prepared.index.names_between.rows(
                    self._connection, first=first, last=last
                )
            else:
                rows = self._prepared.index.names.rows(self._connection, page)
            read, names = zip(*rows, strict=True) if rows else ((), ())
            if read == tuple(page):
                found += names
            else:
                named = dict(rows)
                found += [named[ordinal] for ordinal in page]
        return found

    def recipients(self, ordinals: Sequence[int]) -> Collection[Recipient]:
        """Return installations with their addresses."""
        index = self._prepared.index
        found: list[Sequence[Any]] = []
        for page in pages(ordinals):
            first, last = page[0], page[-1]
            if last - first < DENSE * len(page):
                between = index.recipients_between
                rows = between.rows(self._connection, first=first, last=last)
                if last - first >= len(page):  # others are among them
                    wanted = frozenset(page)
                    rows = [row for row in rows if row[0] in wanted]
            else:
                rows = index.recipients.rows(self._connection, page)
            found += rows
        if (sealing := self._sealing) is not None:
            found = [with_address(sealing, row) for row in found]
        return RecipientRows(found)

    def idle(
        self, application: str, before: datetime, limit: int, *, anonymous: bool = False
    ) -> Sequence[str]:
        """Return installations that nobody used since ``before``."""
        table = self._schema.installation
        rows = (
            select(table.c.id)
            .select_from(self._with_touches())
            .where(table.c.application == application)
            .where(self._seen() <= to_microseconds(before))
            .limit(limit)
        )
        if self.flagged():
            since = self._idle_column(anonymous=anonymous)
            rows = rows.where(since <= to_microseconds(before)).order_by(since, table.c.ordinal)
        elif anonymous:
            return ()
        # Also where code of an earlier release is still at work, which does not know the column.
        free = table.c.person.is_(None) & (table.c.flags > 0)
        rows = rows.where(free if anonymous else table.c.person.is_not(None))
        return self._connection.execute(rows).scalars().all()

    def _idle_column(self, *, anonymous: bool) -> ColumnElement[int]:
        """Return the column that says since when installations look idle."""
        table = self._schema.installation
        return table.c.anonymous_from if anonymous else table.c.idle_from

    def flagged(self) -> bool:
        """Return whether all rows of installations have flags, and since when they look idle."""
        name = self._schema.setting.c.name
        return self._connection.execute(select(name).where(name == FLAGGED)).first() is not None

    def newest(self, stream: str, limit: int, before: int) -> Sequence[Recorded]:
        """Return the newest events of a stream before a position."""
        event = self._schema.event.c
        wanted = (event.stream == stream) & (event.position < before)
        newest = self._prepared.recorded.order_by(None).order_by(event.version.desc()).limit(limit)
        found: dict[str, list[Recorded]] = defaultdict(list)
        self._gather(found, self._connection.execute(newest.where(wanted)).all())
        return found[stream]

    def segmented(self) -> Sequence[str]:
        """Return the applications that have saved segments."""
        code = self._schema.segment.c.application
        return self._connection.execute(select(code).distinct().order_by(code)).scalars().all()

    def mobile_apps(self) -> Sequence[MobileApp]:
        """Return the configured mobile apps."""
        return mobile_apps(self._connection, self._schema)

    def last_seen(self, installation: str) -> datetime | None:
        """Return when an installation was last used."""
        table = self._schema.installation
        found = self._connection.execute(
            select(self._seen()).select_from(self._with_touches()).where(table.c.id == installation)
        ).scalar_one_or_none()
        return None if found is None else from_microseconds(found)

    def _with_touches(self) -> Join:
        """Return installations joined with their signs of life."""
        table, touch = self._schema.installation, self._schema.touch
        return table.outerjoin(touch, touch.c.installation == table.c.id)

    def _seen(self) -> ColumnElement[int]:
        """Return the last touch, or since when its person, or nobody, is on an installation."""
        table, at = self._schema.installation, self._schema.touch.c.at
        since = func.coalesce(table.c.bound_at, table.c.anonymous_from)
        return case((at > since, at), else_=since)


def segment_place(application: str, name: str) -> str:
    """Return what the sealed expression of a segment is bound to."""
    return f"segment {application} {name}"


def reads(
    prepared: EventStatements, whole: Iterable[str], next_ones: Iterable[tuple[str, int]]
) -> Iterator[Read]:
    """Yield the queries for whole streams, and for single events by stream and version."""
    listed, groups = [*pages(whole)], [*pages(next_ones, KNOWN)]
    for page in listed[1:] if groups else listed:
        yield Read(prepared.whole, page, {})
    first = listed[0] if listed else [""]
    for group in groups:
        named: dict[str, object] = {}
        for n, (stream, version) in enumerate([*group, *UNKNOWN][:KNOWN]):
            named |= {f"stream{n}": stream, f"version{n}": version}
        yield Read(prepared.further, first, named)
        first = [""]


def first_read(prepared: EventStatements, after: Mapping[str, int]) -> Read | None:
    """Return the query with which `SqlReader.streams` begins, if it is one for events."""
    known = [(stream, version + 1) for stream, version in after.items() if version]
    every = reads(prepared, [stream for stream in after if not after[stream]], known)
    return next(every, None) if after and len(known) <= MANY_KNOWN else None


def mobile_apps(connection: Connection, schema: Schema, code: str | None = None) -> list[MobileApp]:
    """Return all configured mobile apps by code, or the one with a code."""
    table = schema.application
    rows = select(table.c.code, table.c.settings).order_by(table.c.code)
    found = connection.execute(rows if code is None else rows.where(table.c.code == code))
    return [MobileApp.of(name, json.loads(settings)) for name, settings in found]
