"""A bar on a terminal while something takes long; nothing where nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def bar(doing: str, total: int | None) -> Generator[Callable[[int], None]]:
    """Show a bar on standard error; yield a function that takes how much is done.

    Args:
        doing: what is done, such as "sealing".
        total: how much there is to do; None if nobody knows.
    """
    console = Console(stderr=True)
    shown = Progress(
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with shown:
        task = shown.add_task(doing, total=total or None)

        def advance(done: int) -> None:
            shown.update(task, completed=done)

        yield advance
