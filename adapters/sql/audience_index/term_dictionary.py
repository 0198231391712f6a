"""The numbers of terms, and with them the ordinals of installations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache
from hashlib import blake2b

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select

from addressee.domain import keyed_hash

from ..engine.compiled_query import pages
from ..engine.dialects import looked_up
from ..schema.column_types import WHOLE_TERM
from ..schema.tables import Schema
from .index_statements import Index

HIDDEN = "#"
"""Before a hidden term; no term of an audience begins so."""
hashed = lru_cache(4096)(keyed_hash)
"""A command needs the same few terms several times."""


def add_terms(
    connection: Connection, index: Index, application: str, terms: AbstractSet[str]
) -> dict[str, int]:
    """Return term → its number, giving numbers to terms that have none."""
    key = index.term_key
    rows = [{"application": application, "term": as_written(term, key)} for term in sorted(terms)]
    connection.execute(insert(index.schema.term), rows)
    return term_numbers(connection, index, application, terms)


def numbers_and_ordinals(
    connection: Connection,
    index: Index,
    application: str,
    terms: AbstractSet[str],
    installations: AbstractSet[str],
) -> tuple[dict[str, int], dict[str, int]]:
    """Return term → its number, for those that have one, and installation → its ordinal."""
    written = {as_written(term, index.term_key): term for term in terms}
    numbers: dict[str, int] = {}
    ordinals: dict[str, int] = {}
    for page in pages([*written, *installations]):
        for name, number, is_installation in index.numbers_and_ordinals.rows(
            connection, page, application=application
        ):
            if is_installation:
                ordinals[name] = number
            else:
                numbers[written[name]] = number
    return numbers, ordinals


def term_numbers(
    connection: Connection, index: Index, application: str, terms: Iterable[str]
) -> dict[str, int]:
    """Return term → its number, for those that were ever used in the application."""
    written = {as_written(term, index.term_key): term for term in terms}
    found: dict[str, int] = {}
    for page in pages(written):
        rows = index.numbers.rows(connection, page, application=application)
        found.update((written[term], number) for term, number in rows)
    return found


def still_there(connection: Connection, schema: Schema, numbers: Iterable[int]) -> bool:
    """Lock terms for this transaction, whatever it sees; return whether all are still there."""
    term = schema.term
    for page in pages(numbers):
        # Numbers alone would have InnoDB lock others too.
        rows = looked_up(select(term.c.number, term.c.application), term)
        rows = rows.where(term.c.number.in_(page))
        if len(connection.execute(rows.with_for_update(read=True)).all()) < len(page):
            return False
    return True


def unused_terms(connection: Connection, schema: Schema) -> list[int]:
    """Return the numbers of terms that have no postings."""
    return [*connection.execute(select(schema.term.c.number).where(*unused(schema))).scalars()]


def drop_terms(connection: Connection, schema: Schema, numbers: Iterable[int]) -> None:
    """Delete terms that still have no postings.

    Args:
        connection: with a transaction that keeps those out who have read numbers of terms.
        schema: the tables.
        numbers: of the terms.
    """
    for page in pages(numbers):
        concerned = schema.term.c.number.in_(page)
        connection.execute(delete(schema.term).where(concerned, *unused(schema)))


def unused(schema: Schema) -> Iterator[ColumnElement[bool]]:
    """Yield conditions on terms that no posting has or had."""
    for table in (schema.chunk, schema.delta, schema.posting_change):
        yield ~exists().where(table.c.term == schema.term.c.number)


def as_written(term: str, key: bytes | None = None) -> str:
    """Return a term as its column holds it: what is too long for an index ends in its hash.

    That makes it longer than any term that is written whole, so the two can't be mistaken. With a
    key it is a keyed hash alone; what is one already stays.
    """
    if key is not None:
        return term if term.startswith(HIDDEN) else f"{HIDDEN}{hashed(key, term)}"
    if len(term) <= WHOLE_TERM:
        return term
    return f"{term[:WHOLE_TERM]}#{blake2b(term.encode(), digest_size=16).hexdigest()}"
