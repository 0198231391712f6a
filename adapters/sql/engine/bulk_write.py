"""Writing rows by statements whose texts are made once, each database in its fastest way.

PostgreSQL takes rows as one array a column, in one statement and one message, and many of them by
COPY, which takes half as long and a message more; the others take them through their drivers'
`executemany`, which MariaDB's turns into one statement. The parameters are driver's own: right for
numbers, text and bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Column, Connection, Dialect, Table

from .compiled_query import as_sqlalchemy

MANY = 500
"""From how many rows on COPY is faster."""
Row = Sequence[object]
Way = Literal["insert", "upsert", "update", "numbered"]
"""``upsert`` adds a row, or where its primary key is there already, sets the other columns:
deleting first would on MariaDB lock the gap in which a row would be, and so others who write beside
it. ``update`` sets the other columns of the rows that the first column names. ``numbered`` adds
rows on PostgreSQL and returns their numbers."""


class Rows:
    """The statements that write some columns of a table.

    Args:
        table: which.
        columns: names of the columns that a row gives, in its order.
    """

    def __init__(self, table: Table, *columns: str) -> None:
        self._table = table
        self._columns = [table.c[name] for name in columns]
        self._texts: dict[tuple[str, Way], str] = {}

    def insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Add rows; raises IntegrityError, as SQLAlchemy wraps it, where one is there already."""
        self.write(connection, "insert", rows)

    def numbered(
        self, connection: Connection, rows: Sequence[Row], beside: Sequence[Write] = ()
    ) -> list[int]:
        """Add rows on PostgreSQL and return the numbers that they got, in ascending order.

        Args:
            connection: with its transaction begun.
            rows: which.
            beside: what else is written, in the same statement: it must not depend on these rows.
        """
        written = [(write.rows.text(connection.dialect, write.way), write) for write in beside]
        before = ", ".join(f"w{n} AS ({text})" for n, (text, _) in enumerate(written))
        last = self.text(connection.dialect, "numbered")
        values = [column for _, write in written for column in columns_of(write.values)]
        found = connection.exec_driver_sql(
            f"WITH {before} {last}" if before else last, (*values, *columns_of(rows))
        )
        return sorted(found.scalars())

    def insert_together(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Add rows by one statement on MariaDB or MySQL and return the first one's number."""
        row = f"({', '.join(['%s'] * len(self._columns))})"
        text = f"{self._into(connection.dialect)} VALUES {', '.join([row] * len(rows))}"
        values = tuple(value for row in rows for value in row)
        first: int = connection.exec_driver_sql(text, values).lastrowid
        return first

    def write(self, connection: Connection, way: Way, rows: Sequence[Row]) -> None:
        """Write rows in one of the ways, if there are any."""
        if not rows:
            return
        if way == "insert" and copies(connection.dialect, rows):
            self._copy(connection, rows)
            return
        text = self.text(connection.dialect, way)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(text, columns_of(rows))
        elif way == "update":
            # The key stands last in the statement.
            connection.exec_driver_sql(text, [(*row[1:], row[0]) for row in rows])
        else:
            connection.exec_driver_sql(text, [tuple(row) for row in rows])

    def _copy(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Add rows by COPY."""
        table = connection.dialect.identifier_preparer.format_table(self._table)
        cursor: Any = connection.connection.cursor()
        try:
            with cursor.copy(f"COPY {table} ({', '.join(self._names)}) FROM STDIN") as copying:
                for row in rows:
                    copying.write_row(row)
        except connection.dialect.loaded_dbapi.Error as error:
            raise as_sqlalchemy(error, connection) from error
        finally:
            cursor.close()

    def text(self, dialect: Dialect, way: Way) -> str:
        """Return the statement that writes in one of the ways."""
        key = dialect.name, way
        if key not in self._texts:
            self._texts[key] = "".join(self._parts(dialect, way))
        return self._texts[key]

    def _parts(self, dialect: Dialect, way: Way) -> Iterator[str]:
        """Yield the parts of a statement."""
        arrays = dialect.name == "postgresql"
        mark = "?" if dialect.paramstyle == "qmark" else "%s"
        if way == "update":
            yield from self._update(dialect, mark)
            return
        yield self._into(dialect)
        if arrays:
            yield f" SELECT {', '.join(self._names)} FROM {self._unnested(dialect)} ORDER BY nth"  # noqa: S608 # our own names
        else:
            yield f" VALUES ({', '.join([mark] * len(self._columns))})"
        if way == "numbered":
            [number] = self._table.primary_key.columns
            yield f" RETURNING {number.name}"
        elif way == "upsert":
            yield self._otherwise(dialect)

    def _into(self, dialect: Dialect) -> str:
        """Return the beginning of an insert."""
        table = dialect.identifier_preparer.format_table(self._table)
        return f"INSERT INTO {table} ({', '.join(self._names)})"

    def _otherwise(self, dialect: Dialect) -> str:
        """Return what an insert does where the row is there already."""
        others = [column.name for column in self._columns if not column.primary_key]
        if dialect.name in {"mariadb", "mysql"}:
            sets = ", ".join(f"{name} = VALUES({name})" for name in others)
            return f" ON DUPLICATE KEY UPDATE {sets}"
        keys = ", ".join(column.name for column in self._table.primary_key.columns)
        sets = ", ".join(f"{name} = excluded.{name}" for name in others)
        return f" ON CONFLICT ({keys}) DO UPDATE SET {sets}"

    def _update(self, dialect: Dialect, mark: str) -> Iterator[str]:
        """Yield the parts of an update."""
        table = dialect.identifier_preparer.format_table(self._table)
        key, *others = self._names
        if dialect.name == "postgresql":
            yield f"UPDATE {table} AS t SET {', '.join(f'{name} = u.{name}' for name in others)}"  # noqa: S608 # our own names
            yield f" FROM {self._unnested(dialect)} WHERE t.{key} = u.{key}"
        else:
            yield f"UPDATE {table} SET {', '.join(f'{name} = {mark}' for name in others)}"  # noqa: S608 # our own names
            yield f" WHERE {key} = {mark}"

    def _unnested(self, dialect: Dialect) -> str:
        """Return arrays as a table of rows in their order."""
        arrays = ", ".join(f"%s::{array_type(column, dialect)}" for column in self._columns)
        return f"unnest({arrays}) WITH ORDINALITY AS u({', '.join(self._names)}, nth)"

    @property
    def _names(self) -> list[str]:
        return [column.name for column in self._columns]


class Write(NamedTuple):
    """Rows to be written, and how."""

    rows: Rows
    way: Way
    values: Sequence[Row]

    def run(self, connection: Connection) -> None:
        """Write them by a statement of their own."""
        self.rows.write(connection, self.way, self.values)


def copies(dialect: Dialect, rows: Sequence[Row]) -> bool:
    """Whether rows are so many that they are added by COPY, which psycopg 3 can."""
    return len(rows) >= MANY and dialect.driver == "psycopg"


def array_type(column: Column[Any], dialect: Dialect) -> str:
    """Return PostgreSQL's name of an array of a column's values."""
    return f"{column.type.compile(dialect)}[]"


def columns_of(rows: Sequence[Row]) -> tuple[list[object], ...]:
    """Return rows turned into one list a column."""
    return tuple(list(column) for column in zip(*rows, strict=True))
