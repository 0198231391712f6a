"""Run a benchmark by name: ``python -m tests.benchmarks commands``."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from tests.benchmarks.reading import audience, past, portal, sessions
from tests.benchmarks.replaying import replay
from tests.benchmarks.report import Figure, show
from tests.benchmarks.rights import rights
from tests.benchmarks.scaling import plan, replicas, scale
from tests.benchmarks.sending import dispatch, relay, workers
from tests.benchmarks.slow_disk import is_slow, run_again
from tests.benchmarks.writing import commands, concurrency, http, ledger, serving


def alternative(_: argparse.Namespace) -> Iterable[Figure]:
    # Only who asks for it needs Django.
    from tests.benchmarks.reading.alternative import figures  # noqa: PLC0415 # for that reason

    return figures()


def chart(measured: scale.Measured, to: Path) -> None:
    # Likewise with Matplotlib.
    from tests.benchmarks.scaling.chart import write  # noqa: PLC0415 # for that reason

    write(measured, to)


BENCHMARKS: dict[str, Callable[[argparse.Namespace], Iterable[Figure]]] = {
    "alternative": alternative,
    "audience": lambda options: audience.figures(options.installations),
    "commands": lambda _: commands.figures(),
    "concurrency": lambda _: concurrency.figures(),
    "dispatch": lambda options: [*dispatch.figures(options.installations), workers.figure()],
    "http": lambda _: http.figures(),
    "ledger": lambda _: ledger.figures(),
    "past": lambda options: past.figures(options.installations, options.kept),
    "plan": lambda options: plan.figures(options.installations, options.to),
    "portal": lambda options: portal.figures(options.installations, options.kept),
    "relay": lambda _: relay.figures(),
    "replicas": lambda _: replicas.figures(),
    "replay": lambda options: replay.figures(options.events),
    "rights": lambda options: rights.figures(options.installations, options.kept),
    "scale": lambda options: scale.figures(
        options.installations, options.to and partial(chart, to=options.to)
    ),
    "serving": lambda _: serving.figures(),
    "sessions": lambda options: sessions.figures(options.installations),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument(
        "--installations",
        type=int,
        default=1_000_000,
        help="of audience, dispatch, past, plan, portal, rights, scale, sessions; else 1,000,000",
    )
    parser.add_argument("--to", type=Path, help="the folder for what scale and plan write")
    parser.add_argument(
        "--kept",
        type=Path,
        help="a folder where the store of past, portal and rights stays, once filled",
    )
    parser.add_argument(
        "--events", type=int, default=500_000, help="of replay's memory, 500,000 by default"
    )
    parser.add_argument(
        "--flush",
        type=float,
        help="milliseconds to add to each flush of a disk; needs a C compiler",
    )
    options = parser.parse_args()
    if options.flush and not is_slow():
        sys.exit(run_again(options.flush))
    # As a service does that has started: what was imported is not searched for garbage again.
    gc.collect()
    gc.freeze()
    show(BENCHMARKS[options.name](options))


if __name__ == "__main__":
    main()
