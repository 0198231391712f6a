"""The queries of audiences on a database."""

from __future__ import annotations

from copy import copy
from typing import Self

from sqlalchemy import Integer, cast, func, literal_column, null, select, union_all

from ..engine.bulk_write import Rows
from ..engine.compiled_query import Query, given, listed
from ..engine.fork import renew_after_fork
from ..index_history.remembered_states import Marks
from ..schema.column_types import Bytes
from ..schema.read_model_tables import GENERATION
from ..schema.tables import Schema
from .generation_cache import GenerationCache

CACHE_BYTES = 64 << 20
"""How much of the decoded index a store caches, in bytes."""

ZERO, ONE = literal_column("0", Integer()), literal_column("1", Integer())
NOTHING = cast(null(), Bytes)


class Index:
    """The statements of audiences, compiled once, and a cache of their results.

    Args:
        schema: the tables.

    Attributes:
        schema: as given.
        term_key: hides the names of terms; None leaves them in clear.
        cache: decoded chunks and more, as long as they are exact.
        written_chunks: writes rows.
        numbers_and_ordinals: reads term → number within an application, with a 0, and with a 1
            installation → ordinal; both by one list.
        span: reads the first and the last sequence of the delta.
        last: reads the last position of the ledger.
        marks: the statements on what the index was.
    """

    def __init__(self, schema: Schema) -> None:
        term, chunk, delta = schema.term, schema.chunk, schema.delta
        self.schema = schema
        self.term_key: bytes | None = None
        self.cache = GenerationCache(CACHE_BYTES)
        self.written_chunks = Rows(chunk, "term", "shard", "card", "checksum", "data")
        self.numbers_and_ordinals = Query(
            union_all(
                select(term.c.term, term.c.number, ZERO)
                .where(term.c.application == given("application"))
                .where(term.c.term.in_(listed())),
                select(schema.installation.c.id, schema.installation.c.ordinal, ONE).where(
                    schema.installation.c.id.in_(listed())
                ),
            )
        )
        self.marks = Marks(schema)
        position = schema.event.c.position
        self.last = Query(select(position).order_by(position.desc()).limit(1))
        sequence = delta.c.sequence
        first = select(sequence).order_by(sequence).limit(1)
        last = select(sequence).order_by(sequence.desc()).limit(1)
        self.span = Query(select(first.scalar_subquery(), last.scalar_subquery()))
        self.numbers = Query(
            select(term.c.term, term.c.number)
            .where(term.c.application == given("application"))
            .where(term.c.term.in_(listed()))
        )
        self.cards = Query(
            select(chunk.c.term, chunk.c.shard, chunk.c.card).where(chunk.c.term.in_(listed()))
        )
        self.chunks = Query(
            select(chunk.c.term, chunk.c.shard, chunk.c.checksum, chunk.c.data)
            .where(chunk.c.term.in_(listed()))
            .where(chunk.c.shard.between(given("first"), given("last")))
        )
        concerned = delta.c.term.in_(listed())
        self.changed = Query(
            union_all(
                # First, for a swap of tables locks them in that order too.
                select(ZERO, chunk.c.term, ZERO, ZERO, chunk.c.data).where(
                    chunk.c.term == GENERATION
                ),
                select(delta.c.sequence, delta.c.term, delta.c.ordinal, delta.c.present, NOTHING)
                .where(concerned)
                .where(delta.c.sequence > given("since")),
                select(ZERO, delta.c.term, func.count(), ZERO, NOTHING)
                .where(concerned)
                .group_by(delta.c.term),
            )
        )
        installation, holder = schema.installation, schema.holder
        self.bound = Query(
            select(holder.c.claim, installation.c.ordinal)
            .join_from(holder, installation, installation.c.person == holder.c.person)
            .where(holder.c.claim.in_(listed()))
            .where(installation.c.application == given("application"))
        )
        found = select(installation.c.id, installation.c.ordinal)
        self.ordinals_anywhere = Query(found.where(installation.c.id.in_(listed())))
        self.ordinals = Query(
            found.where(installation.c.id.in_(listed())).where(
                installation.c.application == given("application")
            )
        )
        named = select(installation.c.ordinal, installation.c.id).order_by(installation.c.ordinal)
        ordinal = installation.c.ordinal
        self.names = Query(named.where(ordinal.in_(listed())))
        self.names_between = Query(named.where(ordinal.between(given("first"), given("last"))))
        addressed = (
            select(ordinal, installation.c.id, installation.c.person, schema.address.c.written)
            .join_from(installation, schema.address, schema.address.c.ordinal == ordinal)
            .order_by(ordinal)
        )
        self.recipients = Query(addressed.where(ordinal.in_(listed())))
        self.recipients_between = Query(
            addressed.where(ordinal.between(given("first"), given("last")))
        )
        segment = schema.segment
        saved = select(segment.c.name, segment.c.expression)
        of_application = saved.where(segment.c.application == given("application"))
        self.segments = Query(of_application)
        self.named_segments = Query(of_application.where(segment.c.name.in_(listed())))

    def of_store(self, term_key: bytes | None) -> Self:
        """Return the same statements for one store, with its key and a cache of its own."""
        own = copy(self)
        own.term_key, own.cache = term_key, GenerationCache(CACHE_BYTES)
        renew_after_fork(own)
        return own

    def forked(self) -> None:
        """Begin with an empty cache, whose locks no thread holds."""
        self.cache = GenerationCache(CACHE_BYTES)
