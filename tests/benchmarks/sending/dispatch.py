"""Recipients streamed, and pushes sent into a transport that records them, on SQLite.

Both sides of the first figure stream the same audience; where a limit is promised instead of a
ratio, the limit stands in the place of the other side.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.audience_index.generation_cache import GenerationCache
from addressee.application import Accepted, Answer, Message, Notifier, Recipient, Targeting
from addressee.domain import Address
from tests.benchmarks.reading.population import APPLICATION, KEY, SINCE, Population
from tests.benchmarks.report import Figure, paired
from tests.memory import printed

TOKEN = "f" * 142
"""As long as tokens of FCM are, but for a number that is added."""
STREAM = """
import sys
from addressee.adapters.sql import SqlStore
from addressee.application import Targeting

with SqlStore(sys.argv[1]) as store:
    for _ in Targeting(store).recipients(sys.argv[2], "all"):
        pass
print(peak())
"""


class Counting:
    """Accepts everything and keeps nothing."""

    def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Answer]:  # noqa: ARG002 # all are taken
        return [Accepted("projects/p/messages/0:1500415314455276")] * len(recipients)


def figures(installations: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dispatch.db"
        with SqlStore(f"sqlite:///{path}", identifier_key=KEY) as store:
            fill(store, installations)
            yield recipients(store, warm=False)
            yield recipients(store, warm=True)
            yield dispatch(store, "all")
            yield dispatch(store, "tag:t20 and os:android")
        needed = printed(STREAM, f"sqlite:///{path}", APPLICATION) / 1024
        yield Figure("MB of memory to stream all recipients, of 150", needed * 1e-6, 150e-6, 1)


def fill(store: SqlStore, installations: int) -> None:
    number = 0
    with store.loading() as load:
        for changes in Population(installations).changes():
            for change in changes.installations:
                number += 1
                change.readdressed = True
                change.address = Address("fcm", f"{TOKEN}{number}", {}, SINCE)
            load.load(changes)


def recipients(store: SqlStore, *, warm: bool) -> Figure:
    """Stream recipients beside ids; cold, or with what an earlier query has kept in memory."""
    reach, index = Targeting(store), store.parts.prepared.index
    kept = index.cache

    def streamed(method: str) -> int:
        if not warm:
            index.cache = GenerationCache(0)
        return sum(1 for _ in getattr(reach, method)(APPLICATION, "all"))

    ours, other = paired(lambda: streamed("recipients"), lambda: streamed("targets"), 3)
    index.cache = kept
    name = "warm, not promised" if warm else "cold"
    return Figure(f"recipients beside targets, {name}", ours, other, None if warm else 0.5)


def dispatch(store: SqlStore, audience: str) -> Figure:
    """Send to an audience."""
    notifier = Notifier(store, {"fcm": Counting()})
    made = notifier.dispatch(APPLICATION, audience, Message(title="Hi"))
    start = perf_counter()
    done = notifier.run(made.id)
    seconds = perf_counter() - start
    assert done.state == "done"
    assert done.accepted
    return Figure(f"dispatch to {audience}, 20,000/s", seconds / done.accepted, 1 / 20_000, 1)
