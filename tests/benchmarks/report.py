"""Figures side by side: a table for people, then a line of JSON a figure for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time

from rich.console import Console
from rich.table import Table

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Figure:
    """How our side compares with the other, both measured in turn in one run.

    Attributes:
        ours: seconds for one unit of work, median.
        other: seconds for one unit of work of what it is compared with.
        bar: the ratio other / ours that is promised; None where nothing is.
    """

    name: str
    ours: float
    other: float
    bar: float | None

    @property
    def ratio(self) -> float:
        return self.other / self.ours

    @property
    def holds(self) -> bool | None:
        return None if self.bar is None else self.ratio >= self.bar


def compared(ours: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Return the median of one side, and that times the median of the rounds' ratios.

    A machine that others use may be twice as fast for some seconds. That changes both sides of a
    round, and so its ratio little, but may change the median of one side alone.

    Args:
        ours: seconds a unit, of each round.
        other: those of the other side.
    """
    middle = median(ours)
    return middle, middle * median(b / a for a, b in zip(ours, other, strict=True))


def paired(
    ours: Callable[[], int], other: Callable[[], int], rounds: int | None = None
) -> tuple[float, float]:
    """Return the CPU seconds a unit of both as `compared` does, taken in turn.

    Each callable does some work and returns how many units it was.
    """
    rounds = rounds or ROUNDS
    spent: tuple[list[float], list[float]] = ([], [])
    for round_ in range(rounds + 1):
        for side, work in zip(spent, (ours, other), strict=True):
            start = process_time()
            units = work()
            if round_:  # the first is to warm up
                side.append((process_time() - start) / units)
    return compared(*spent)


def show(figures: Iterable[Figure]) -> None:
    table = Table("figure", "ours µs", "other µs", "ratio", "bar", "holds")
    done = list(figures)
    for figure in done:
        table.add_row(
            figure.name,
            f"{figure.ours * 1e6:.1f}",
            f"{figure.other * 1e6:.1f}",
            f"{figure.ratio:.2f}",
            "" if figure.bar is None else f"{figure.bar:g}",
            "" if figure.holds is None else "yes" if figure.holds else "no",
        )
    Console(width=100).print(table)
    for figure in done:
        print(
            json.dumps(
                {
                    "name": figure.name,
                    "ratio": round(figure.ratio, 2),
                    "bar": figure.bar,
                    "holds": figure.holds,
                }
            )
        )
