"""Run a benchmark by name: ``python -m tests.benchmarks commands``."""

from __future__ import annotations

import argparse

from tests.benchmarks import commands, http
from tests.benchmarks.report import show

BENCHMARKS = {"commands": commands.figures, "http": http.figures}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    show(BENCHMARKS[parser.parse_args().name]())


if __name__ == "__main__":
    main()
