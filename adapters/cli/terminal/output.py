"""Text for people: what was given may be anything, and never steers the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Form(StrEnum):
    """How findings are printed: for people, or for machines."""

    table = "table"
    jsonl = "jsonl"


def one_line(text: object) -> str:
    """Return text with line ends, tabs and control characters written as escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(text)
    )


def show_table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows as a table on a terminal, with tabs between the cells in a pipe."""
    console = Console(highlight=False)
    if not console.is_terminal:
        for row in rows:
            typer.echo("\t".join(map(one_line, row)))
        return
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        # As Text, for a plain string would be read as rich's markup: a tag may be called [/b].
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(table)
