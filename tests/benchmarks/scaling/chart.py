"""What work costs by the number of installations, as a chart and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#6b6b6b")
"""Told apart by colour-blind readers too (Okabe and Ito, 2008)."""
MARKS = "os^Dv*"


def write(measured: Mapping[int, Mapping[str, float]], folder: Path) -> None:
    """Write ``scale.png`` and ``scale.md``.

    Args:
        measured: number of installations → kind of work → seconds; a size may lack kinds that the
            first one has.
        folder: is there.
    """
    names = [*next(iter(measured.values()))]
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, colour, mark in zip(names, COLOURS, MARKS, strict=True):
        known = {size: 1e3 * costs[name] for size, costs in measured.items() if name in costs}
        axes.plot([*known], [*known.values()], color=colour, marker=mark, label=name)
    axes.set(xscale="log", yscale="log", xlabel="installations", ylabel="milliseconds")
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(folder / "scale.png", dpi=150)
    (folder / "scale.md").write_text(table(measured, names), encoding="utf-8")


def table(measured: Mapping[int, Mapping[str, float]], names: list[str]) -> str:
    """Return the figures as a Markdown table, in milliseconds."""
    heads = ["milliseconds", *(f"{size:,}" for size in measured)]
    rows = [heads, ["---", *("---:" for _ in measured)]]
    for name in names:
        known = (costs.get(name) for costs in measured.values())
        rows.append([name, *("" if each is None else f"{1e3 * each:.3g}" for each in known)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
