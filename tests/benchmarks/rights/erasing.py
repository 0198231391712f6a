"""Erasing one person of many, on SQLite: how many others there are must not matter.

Each erased person has two devices, one of them shared, attributes and tags. The time is that of the
processor, from the call to the certificate.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time

from addressee.adapters.cli.garbage_collection import collected_seldom
from addressee.application import Personalization, Rights
from tests.benchmarks.reading.crowd import crowded, identity, phone
from tests.benchmarks.report import Figure

FEW = 10_000
ERASED = 40
"""How many are erased; the median counts."""
BAR = 0.05
"""Seconds that one may take."""


def figures(installations: int, kept: Path | None) -> Iterator[Figure]:
    many, few = erased(installations, kept), erased(FEW, kept)
    yield Figure(f"erasing one of {installations:,}, of {BAR * 1e3:g} ms", many, BAR, 1)
    yield Figure(f"erasing one of {installations:,} beside {FEW:,}", many, few, None)


def erased(installations: int, kept: Path | None) -> float:
    """Return the median seconds in which one person is erased."""
    with collected_seldom(), crowded(installations, kept) as store:
        people = Personalization(store)
        rights = Rights(store, people)
        spent: list[float] = []
        for number in range(ERASED):
            found = people.personalize(phone(number), identity(number)).person
            start = process_time()
            assert rights.erase(found).done
            spent.append(process_time() - start)
        return median(spent)
