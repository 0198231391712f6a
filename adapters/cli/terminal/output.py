"""Text output: escaped, so that stored values can't control the terminal, and safe for pipes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Form(StrEnum):
    """The output format: for people, or for machines."""

    table = "table"
    jsonl = "jsonl"


def one_line(text: object) -> str:
    """Return text with line ends, tabs and control characters written as escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(text)
    )


def show_table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows: a table on a terminal; tab-separated cells without headings in a pipe.

    Asks standard output itself. Rich takes a pipe for a terminal where FORCE_COLOR or
    TTY_COMPATIBLE is set, and cuts cells to COLUMNS.
    """
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(map(one_line, row)))
        return
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")  # an id that is cut names nothing
    for row in rows:
        # As Text: rich reads markup in a string, and a tag may be called [/b].
        table.add_row(*(Text(one_line(cell)) for cell in row))
    Console(highlight=False).print(table)


def show_json(row: Any) -> None:  # noqa: ANN401 # anything that JSON can express
    """Print one line of JSON."""
    typer.echo(json.dumps(row, default=str))


def escape_unencodable() -> None:
    r"""Have standard output write what its encoding lacks as ``\u…``, as standard error does."""
    cast("io.TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
