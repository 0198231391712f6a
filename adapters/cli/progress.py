"""A bar on a terminal while something takes long; nothing where nobody looks."""

from __future__ import annotations

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
BYTES = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())


@contextmanager
def bar(
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
    with shown:
        task = shown.add_task(doing, total=None)

        def advance(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total or None)

        yield advance
