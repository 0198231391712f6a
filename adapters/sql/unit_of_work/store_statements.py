"""The statements of one store that every command needs, made once in a process."""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import Self

from ..audience_index.index_statements import Index
from ..engine.bulk_write import Rows
from ..event_store.event_statements import EventStatements
from ..schema.tables import Schema


class Prepared(EventStatements):
    """Statements on all of a store's tables.

    Args:
        schema: the tables.

    Attributes:
        holders, installations, numbered_installations, bindings, flags, idle_times,
            anonymous_times, addresses, delta, segments, touches, settings: write rows; which
            columns, says the constructor.
        index: those that audiences need.
    """

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        installation = schema.installation
        self.holders = Rows(schema.holder, "claim", "person")
        noted = ("flags", "anonymous_from")
        new = ("id", "application", *noted)
        self.installations = Rows(installation, *new)
        self.numbered_installations = Rows(installation, "ordinal", *new)
        self.bindings = Rows(installation, "ordinal", "person", "bound_at", "idle_from", *noted)
        self.flags = Rows(installation, "ordinal", *noted)
        self.idle_times = Rows(installation, "ordinal", "idle_from")
        self.anonymous_times = Rows(installation, "ordinal", "anonymous_from")
        self.addresses = Rows(schema.address, "ordinal", "written")
        self.delta = Rows(schema.delta, "term", "ordinal", "present")
        self.segments = Rows(schema.segment, "application", "name", "expression")
        self.touches = Rows(schema.touch, "installation", "at")
        self.settings = Rows(schema.setting, "name", "value")
        self.index = Index(schema)

    @classmethod
    @cache  # to compile them takes longer than all else in opening a store
    def shared(cls, schema: Schema) -> Self:
        """Return what all stores on the same tables share."""
        return cls(schema)

    @classmethod
    def of_store(cls, schema: Schema, term_key: bytes | None = None) -> Self:
        """Return the statements for one store, with an empty cache of its own.

        Args:
            schema: the tables.
            term_key: hides the names of terms; None leaves them in clear.
        """
        made = copy(cls.shared(schema))
        made.index = made.index.of_store(term_key)
        return made
