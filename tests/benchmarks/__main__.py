"""Run a benchmark by name: ``python -m tests.benchmarks commands``."""

from __future__ import annotations

import argparse
import gc

from tests.benchmarks import commands, ledger
from tests.benchmarks.report import show

BENCHMARKS = {"commands": commands.figures, "ledger": ledger.figures}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    # As a service does that has started: what was imported is not searched for garbage again.
    gc.collect()
    gc.freeze()
    show(BENCHMARKS[parser.parse_args().name]())


if __name__ == "__main__":
    main()
