"""Arrays in the form that PostgreSQL reads, made in less time than by the driver.

psycopg adapts each element in Python. Source of the form: section "Array Input and Output Syntax"
of PostgreSQL's manual.
"""

from __future__ import annotations

from collections.abc import Sequence

from .base import Row


def columns_of(rows: Sequence[Row]) -> tuple[object, ...]:
    """Return rows turned into one array a column."""
    return tuple(array_of(column) for column in zip(*rows, strict=True))


def array_of(values: Sequence[object]) -> object:
    """Return values as an array's text, or as a list for the driver where they are of other types.

    Args:
        values: numbers without fractions, texts, bytes or None: what the tables' columns hold.
    """
    written: list[str] = []
    for value in values:
        if isinstance(value, str):
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            written.append(f'"{quoted}"')
        elif isinstance(value, bytes):
            written.append(f'"\\\\x{value.hex()}"')
        elif isinstance(value, int) and not isinstance(value, bool):
            written.append(str(value))
        elif value is None:
            written.append("NULL")
        else:
            return [*values]
    return f"{{{','.join(written)}}}"
