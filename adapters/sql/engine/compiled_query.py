"""Statements that are compiled once, and small parts that all statements share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import BindParameter, ClauseElement, Connection, Dialect, bindparam
from sqlalchemy.sql.compiler import SQLCompiler

from .dialects import DatabaseDialect, dialect_of
from .dialects.base import as_sqlalchemy
from .dialects.postgresql_arrays import array_of

T = TypeVar("T")

IN_LIMIT = 900
"""Most values within one IN list: 999 is the smallest limit of an SQLite in use."""


def pages(values: Iterable[T], size: int = IN_LIMIT) -> Iterable[list[T]]:
    """Return the values in lists that fit a statement."""
    if isinstance(values, list) and len(values) <= size:
        return (values,) if values else ()
    left = iter(values)
    return iter(lambda: list(islice(left, size)), [])


def listed() -> BindParameter[Any]:
    """Return the parameter of a `Query` that stands for its list."""
    return bindparam("listed", expanding=True)


LIST, ARRAY = "IN (__[POSTCOMPILE_listed])", "= ANY(%(listed)s)"
"""What SQLAlchemy compiles a `listed` parameter to, and what PostgreSQL's drivers take for it."""


class Compiled(NamedTuple):
    """A statement's text, and how its parameters are given.

    Attributes:
        text: as the driver takes it.
        before: names of the parameters before the list; None where the driver takes a mapping.
        after: names of those behind it.
        constants: the statement's own.
    """

    text: str
    before: Sequence[str] | None
    after: Sequence[str]
    constants: Mapping[str, object]


def given(name: str) -> BindParameter[Any]:
    """Return a parameter of a `Query` by name."""
    return bindparam(name, required=False)


class Query:
    """A select that is compiled once a driver, for the queries of every command and audience.

    SQLAlchemy's executor takes 30 to 100 µs a statement, the database 3 and a whole count 60; so
    this goes to the driver's cursor, with the text that SQLAlchemy compiled for the dialect. A list
    is one array on PostgreSQL; elsewhere it is filled up to a power of two, which keeps the texts
    few. Results are what the driver gives: right for numbers, text and bytes.

    Args:
        statement: with `given` for its values, and `listed` for its list, if it has one.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[tuple[type[Dialect], int], Compiled] = {}

    def rows(
        self, connection: Connection, values: Sequence[object] = (), **named: object
    ) -> Sequence[tuple[Any, ...]]:
        """Return all rows.

        Args:
            connection: with its transaction begun.
            values: the list's, at most 900, and at least one where the statement has a list.
            named: the other parameters by name.

        Raises:
            DBAPIError: as SQLAlchemy wraps what the driver raises.
        """
        text, parameters = self.bound(connection, values, named)
        driver = connection.dialect.loaded_dbapi
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text, parameters)
            return cursor.fetchall()
        except driver.Error as error:
            raise as_sqlalchemy(error, connection) from error
        finally:
            cursor.close()

    def bound(
        self, connection: Connection, values: Sequence[object], named: dict[str, object]
    ) -> tuple[str, Sequence[object] | Mapping[str, object]]:
        """Return the text and the parameters as the driver takes them; arguments as of `rows`."""
        length = len(values)
        dialect = dialect_of(connection)
        arrays = dialect.arrays
        filled = min(1 << (length - 1).bit_length(), IN_LIMIT) if length and not arrays else 0
        if filled > length:
            values = [*values, *[values[-1]] * (filled - length)]
        text, before, after, constants = self._for(connection, dialect, filled)
        if constants:
            named = {**named, **constants}
        parameters: Sequence[object] | Mapping[str, object]
        if arrays:
            parameters = named | {"listed": array_of(values)}
        elif before is None:
            parameters = named | {f"listed_{n}": value for n, value in enumerate(values, 1)}
        else:
            if after and after[-1] == f"listed_{filled}":  # the list stands in the statement twice
                named = named | {f"listed_{n}": value for n, value in enumerate(values, 1)}
            parameters = [*[named[n] for n in before], *values, *[named[n] for n in after]]
        return text, parameters

    def _for(self, connection: Connection, dialect: DatabaseDialect, length: int) -> Compiled:
        sql = connection.dialect
        key = type(sql), length  # drivers write parameters differently
        if (known := self._compiled.get(key)) is not None:
            return known
        compiled = self._statement.compile(dialect=sql)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 # tells the type checkers
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        if dialect.arrays:
            text = compiled.string.replace(LIST, ARRAY)
            made = self._compiled[key] = Compiled(text, None, (), constants)
            return made
        parameters = dict.fromkeys(compiled.params) | ({"listed": [0] * length} if length else {})
        state = compiled.construct_expanded_state(parameters)
        order = state.positiontup
        at = order.index("listed_1") if order and length else 0
        before, after = (None, ()) if order is None else (order[:at], order[at + length :])
        made = self._compiled[key] = Compiled(state.statement, before, after, constants)
        return made


class Read(NamedTuple):
    """A query with its parameters, as `Query.rows` takes them."""

    query: Query
    values: Sequence[object]
    named: dict[str, object]

    def rows(self, connection: Connection) -> Sequence[tuple[Any, ...]]:
        """Run it and return all rows."""
        return self.query.rows(connection, self.values, **self.named)
