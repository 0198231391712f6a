"""A progress bar for long work: on a terminal only, never in a log."""

from __future__ import annotations

import sys
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

from ..garbage_collection import collected_seldom


class EventsPerSecond(ProgressColumn):
    """The throughput.

    Args:
        unit: its name.
    """

    def __init__(self, unit: str = "events/s") -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Return the throughput, or nothing until it is known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self._unit}" if speed else "")


EVENTS = (MofNCompleteColumn(), EventsPerSecond(), TimeRemainingColumn())
ROWS = (MofNCompleteColumn(), EventsPerSecond("rows/s"), TimeRemainingColumn())
PUSHES = (MofNCompleteColumn(), EventsPerSecond("pushes/s"), TimeRemainingColumn())
KEYS = (MofNCompleteColumn(), EventsPerSecond("keys/s"), TimeRemainingColumn())
BYTES = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())


@contextmanager
def long_work(
    doing: str, columns: tuple[ProgressColumn, ...] = EVENTS
) -> Generator[Callable[[int, int], None]]:
    """Show a bar on standard error if that is a terminal; yield a function that advances it.

    The function takes the amount done and the total, 0 where the total is unknown.

    Args:
        doing: the label, such as "sealing".
        columns: the unit: `EVENTS`, `ROWS`, `PUSHES`, `KEYS` or `BYTES`.
    """
    shown = Progress(
        TextColumn(doing),
        BarColumn(),
        *columns,
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),  # rich also draws in a log where FORCE_COLOR is set
    )
    with collected_seldom(), shown:
        task = shown.add_task(doing, total=None)

        def advance(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total or None)

        yield advance
