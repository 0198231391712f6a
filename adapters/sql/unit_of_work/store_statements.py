"""The statements of one store that every command needs, made once."""

from __future__ import annotations

from ..audience_index.index_statements import Index
from ..engine.bulk_write import Rows
from ..event_store.event_statements import EventStatements
from ..schema.tables import Schema


class Prepared(EventStatements):
    """Statements on all of a store's tables.

    Args:
        schema: the tables.
        term_key: hides the names of terms; None leaves them in clear.

    Attributes:
        holders, installations, numbered_installations, bindings, flags, idle_times, addresses,
            delta, segments, touches, settings: write rows; which columns, says the constructor.
        index: those that audiences need.
    """

    def __init__(self, schema: Schema, term_key: bytes | None = None) -> None:
        super().__init__(schema)
        installation = schema.installation
        self.holders = Rows(schema.holder, "claim", "person")
        self.installations = Rows(installation, "id", "application", "flags")
        self.numbered_installations = Rows(installation, "ordinal", "id", "application", "flags")
        self.bindings = Rows(installation, "ordinal", "person", "bound_at", "flags", "idle_from")
        self.flags = Rows(installation, "ordinal", "flags")
        self.idle_times = Rows(installation, "ordinal", "idle_from")
        self.addresses = Rows(schema.address, "ordinal", "written")
        self.delta = Rows(schema.delta, "term", "ordinal", "present")
        self.segments = Rows(schema.segment, "application", "name", "expression")
        self.touches = Rows(schema.touch, "installation", "at")
        self.settings = Rows(schema.setting, "name", "value")
        self.index = Index(schema, term_key)
