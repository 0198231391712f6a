"""A merge of two persons with many devices each, and as many single commands.

The single command is a first sign-in on a registered device, as in `sealed`. The preview that gives
the merge its digest is measured by itself. Times are those of the processor, on SQLite.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from statistics import median
from time import process_time

from addressee.adapters.cli.garbage_collection import collected_seldom
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Personalized, bulk
from tests.benchmarks.report import Figure
from tests.benchmarks.rights.sealed import seconds_of_one
from tests.benchmarks.writing.ledger import registration, sign_in

DEVICES = 20
MERGES = 5
"""Merges of one round."""
ROUNDS = 7


def figures() -> Iterator[Figure]:
    spent: dict[str, list[float]] = {"preview": [], "merge": [], "unmerge": [], "commands": []}
    with (
        collected_seldom(),
        tempfile.TemporaryDirectory() as folder,
        SqlStore(f"sqlite:///{folder}/merges.db") as store,
    ):
        people = Personalization(store)
        for round_ in range(ROUNDS + 1):
            once = one_round(people, str(round_))
            if round_:  # the first is to warm up
                for name, seconds in once.items():
                    spent[name].append(seconds)
    found = {name: median(seconds) for name, seconds in spent.items()}
    single = f"{DEVICES} single commands"
    yield Figure(
        f"merge of two with {DEVICES} devices / {single}", found["merge"], found["commands"], 1
    )
    for name in ("preview", "unmerge"):
        yield Figure(f"{name} of the same / {single}", found[name], found["commands"], None)


def one_round(people: Personalization, name: str) -> dict[str, float]:
    """Return the seconds of one preview, one merge, one that is taken back, and the commands."""
    pairs = [[person_of(people, f"{name}-{n}-{one}") for one in "ab"] for n in range(MERGES)]
    start = process_time()
    digests = [people.preview_merge(*pair).digest for pair in pairs]
    previewed = process_time()
    merges = [
        people.merge(*pair, digest=digest).merge
        for pair, digest in zip(pairs, digests, strict=True)
    ]
    merged = process_time()
    for merge in merges:
        people.unmerge(merge)
    unmerged = process_time()
    return {
        "preview": (previewed - start) / MERGES,
        "merge": (merged - previewed) / MERGES,
        "unmerge": (unmerged - merged) / MERGES,
        "commands": seconds_of_one(people, name) * DEVICES,
    }


def person_of(people: Personalization, name: str) -> str:
    """Make a person who is signed in on many devices; return its id."""
    identity = Identity(emails=[f"{name}@x.com"])
    devices = [f"{name}-{n}" for n in range(DEVICES)]
    calls = [call for each in devices for call in (registration(each), sign_in(each, identity))]
    answer = bulk(people, calls)[-1]
    assert isinstance(answer, Personalized)
    return answer.person
