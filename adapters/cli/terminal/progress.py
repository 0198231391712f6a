"""While something takes long: a bar on a terminal, nothing where nobody looks."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text


class EventsPerSecond(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        """Return it, once it is known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} events/s" if speed else "")


EVENTS = (MofNCompleteColumn(), EventsPerSecond(), TimeRemainingColumn())
SELDOM = (100_000, 20, 100)
"""How many new objects, young and middle-aged generations make the collector look."""
BYTES = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())


@contextmanager
def long_work(
    doing: str, columns: tuple[ProgressColumn, ...] = EVENTS
) -> Generator[Callable[[int, int], None]]:
    """Show a bar on standard error; yield a function that takes how much is done, and of how much.

    Args:
        doing: what is done, such as "sealing".
        columns: how it is counted.
    """
    console = Console(stderr=True)
    shown = Progress(
        TextColumn(doing),
        BarColumn(),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with collected_seldom(), shown:
        task = shown.add_task(doing, total=None)

        def advance(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total or None)

        yield advance


@contextmanager
def collected_seldom() -> Generator[None]:
    """Have Python look for cyclic garbage seldom until the block ends.

    Events come by millions and in no cycles; looking at them again and again takes as long as the
    work itself.
    """
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
