"""Writing rows by statements that are built once, in each database's fastest way.

PostgreSQL takes rows as one array a column, in one statement and one round trip, and many of them
by COPY, which takes half as long and one round trip more; the other databases take rows through
their drivers' `executemany`, which MariaDB's turns into one statement. Parameters go to the driver
as they are: right for numbers, text and bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from .dialects import dialect_of
from .dialects.base import DatabaseDialect, Row, Way, as_sqlalchemy, insert_into, quoted
from .dialects.postgresql import PostgresqlDialect
from .dialects.postgresql_arrays import columns_of

POSTGRESQL = PostgresqlDialect()


class Rows:
    """The statements that write some columns of a table.

    Args:
        table: the table.
        columns: names of the columns that a row gives, in its order.
    """

    def __init__(self, table: Table, *columns: str) -> None:
        self._table = table
        self._names = columns
        self._columns = [table.c[name] for name in columns]
        self._texts: dict[tuple[DatabaseDialect, Way], str] = {}

    def insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Add rows in their order; raises SQLAlchemy's IntegrityError if one exists already."""
        self.write(connection, "insert", rows)

    def numbered(
        self,
        connection: Connection,
        rows: Sequence[Row],
        beside: Sequence[Write] = (),
        *,
        commits: bool = False,
    ) -> list[int]:
        """Add rows on PostgreSQL and return the numbers that they got, in ascending order.

        Args:
            connection: with its transaction begun.
            rows: the rows.
            beside: further writes within the same statement: they must not depend on these rows.
            commits: whether nothing follows in the transaction.
        """
        written = [(write.rows.text(connection, write.way), write) for write in beside]
        before = ", ".join(f"w{n} AS ({text})" for n, (text, _) in enumerate(written))
        last = self.text(connection, "numbered")
        values = [column for _, write in written for column in columns_of(write.values)]
        text = f"WITH {before} {last}" if before else last
        parameters = (*values, *columns_of(rows))
        found = POSTGRESQL.write_last(connection, text, parameters, commits=commits)
        return sorted(number for (number,) in found)

    def insert_together(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Add rows by one statement on MariaDB or MySQL and return the first row's number."""
        row = f"({', '.join(['%s'] * len(self._names))})"
        into = insert_into(connection.dialect, self._table, self._names)
        text = f"{into} VALUES {', '.join([row] * len(rows))}"
        values = tuple(value for row in rows for value in row)
        first: int = connection.exec_driver_sql(text, values).lastrowid
        return first

    def write(self, connection: Connection, way: Way, rows: Sequence[Row]) -> None:
        """Write rows in one of the ways, if there are any."""
        if not rows:
            return
        dialect = dialect_of(connection)
        if way == "insert" and dialect.copies(connection.dialect, rows):
            self._copy(connection, rows)
        else:
            dialect.write(connection, self.text(connection, way), way, rows)

    def _copy(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Add rows by COPY."""
        table = quoted(connection.dialect, self._table)
        cursor: Any = connection.connection.cursor()
        try:
            with cursor.copy(f"COPY {table} ({', '.join(self._names)}) FROM STDIN") as copying:
                for row in rows:
                    copying.write_row(row)
        except connection.dialect.loaded_dbapi.Error as error:
            raise as_sqlalchemy(error, connection) from error
        finally:
            cursor.close()

    def text(self, connection: Connection, way: Way) -> str:
        """Return the statement that writes in one of the ways."""
        key = dialect_of(connection), way
        if (known := self._texts.get(key)) is not None:
            return known
        text = key[0].write_text(connection.dialect, self._table, self._columns, way)
        return self._texts.setdefault(key, text)


class Write(NamedTuple):
    """Rows to be written, and how."""

    rows: Rows
    way: Way
    values: Sequence[Row]

    def run(self, connection: Connection) -> None:
        """Write them by a statement of their own."""
        self.rows.write(connection, self.way, self.values)
