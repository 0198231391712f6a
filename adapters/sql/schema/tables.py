"""All tables of one store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Self

from sqlalchemy import MetaData, Table

from addressee.domain import InvalidValue, values

from . import bookkeeping_tables as bookkeeping
from . import ledger_tables as ledger
from . import push_tables as pushes
from . import read_model_tables as read_models
from . import relay_tables as relays
from .column_types import NewTable

NAMES = {"prefix": re.compile(r"\w*"), "schema": re.compile(r"\w+")}
LONGEST = 40
"""Most bytes of a prefix or schema: names in PostgreSQL have at most 63."""
REVISION = "0017"
"""The newest migration (migrations/versions); its outcome are these tables."""
NEEDED = "0014"
"""The last one that this code can't work without; those behind it only tidy up."""
INDEX = ("chunk", "delta", "index_mark", "posting_change")
"""The tables of the audience index, which only make sense together."""


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables of one store; the functions that make them say what each holds.

    Attributes:
        metadata: SQLAlchemy's collection of them.
        event, seal, time_span: never changed.
        installation, address, holder, segment, term, chunk, delta, index_mark, posting_change:
            derived from the ledger.
        dispatch, push_batch: pushes.
        sink, dead_letter: facts that go to other services.
        tracking, projection, set_aside, touch, application, api_key, setting, migration: neither.
    """

    metadata: MetaData
    event: Table
    seal: Table
    time_span: Table
    installation: Table
    address: Table
    holder: Table
    segment: Table
    term: Table
    chunk: Table
    delta: Table
    index_mark: Table
    posting_change: Table
    dispatch: Table
    push_batch: Table
    sink: Table
    dead_letter: Table
    tracking: Table
    projection: Table
    set_aside: Table
    touch: Table
    application: Table
    api_key: Table
    setting: Table
    migration: Table

    @property
    def swapped(self) -> dict[str, Table]:
        """Return the tables that a rebuild replaces, by name."""
        names = ("installation", "address", "holder", "segment", *INDEX)
        return {name: getattr(self, name) for name in names}

    @classmethod
    def checked(cls, prefix: str, schema: str | None) -> Self:
        """Return the tables of names that a host gives; raises InvalidValue if they are none."""
        for field, name in {"prefix": prefix, "schema": schema}.items():
            if field == "schema" and name is None:
                continue
            word = NAMES[field].fullmatch(values.instance(field, name, str))
            if word is None or len(word[0].encode()) > LONGEST:
                raise InvalidValue(field, f"takes letters, digits and _, up to {LONGEST} bytes")
        return cls.named(prefix, schema)

    @classmethod
    @cache  # they take longer to make than all else in opening a store
    def named(cls, prefix: str = "addressee_", schema: str | None = None) -> Self:
        """Return the tables with names that keep them apart from a host's.

        Args:
            prefix: the beginning of each name.
            schema: the database schema that they are in, if not the connection's own.
        """
        metadata = MetaData(schema)
        new = NewTable(metadata, prefix)
        return cls(
            metadata,
            event=ledger.event(new),
            seal=ledger.seal(new),
            time_span=ledger.time_span(new),
            installation=read_models.installation(new),
            address=read_models.address(new),
            holder=read_models.holder(new),
            segment=read_models.segment(new),
            term=read_models.term(new),
            chunk=read_models.chunk(new),
            delta=read_models.delta(new),
            index_mark=read_models.index_mark(new),
            posting_change=read_models.posting_change(new),
            dispatch=pushes.dispatch(new),
            push_batch=pushes.push_batch(new),
            sink=relays.sink(new),
            dead_letter=relays.dead_letter(new),
            tracking=bookkeeping.tracking(new),
            projection=bookkeeping.projection(new),
            set_aside=bookkeeping.set_aside(new),
            touch=bookkeeping.touch(new),
            application=bookkeeping.application(new),
            api_key=bookkeeping.api_key(new),
            setting=bookkeeping.setting(new),
            migration=bookkeeping.migration(new),
        )
