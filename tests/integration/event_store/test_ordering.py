"""Whoever follows the ledger misses nothing and meets nothing twice (docs/ordering.md).

Twelve processes write, a tenth of their transactions are rolled back, each waits a
little before it commits, and one holds its positions until others' are seen that come after them.
Beside them two readers follow: ours, and one that only asks for ids beyond the last it has seen,
which must lose some on a server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from sqlalchemy import create_engine, text

from addressee.adapters.sql import SqlStore
from tests.forked import PIPE, forked
from tests.patience import wait_until

WRITERS = 12
MANY_EACH, EVENTS_EACH = 850, 40
TOGETHER = 5
BEYOND = 10 * TOGETHER
"""So many events of others are read while one writer holds its positions."""

# One process loads the library and forks the writers.
SCRIPT = """
import os, random, sys, time
from datetime import UTC, datetime
from addressee.adapters.sql import SqlStore
from addressee.application import Changes
from addressee.domain import PersonPromoted

class TakenBack(Exception):
    pass

url, writers, count, together = sys.argv[1], *map(int, sys.argv[2:])
go_on, held = os.pipe()
forked = []
for number in range(writers):
    name = f"writer{number}"
    if not (child := os.fork()):
        break
    forked.append(child)
else:
    os.close(held)
    sys.exit(any(os.waitpid(each, 0)[1] for each in forked))
chance = random.Random(name)
store = SqlStore(url)
written = 0
os.close(held) if number else os.close(go_on)
while written < count:
    if number and written == together:
        os.read(go_on, 1)  # until the first holds its positions
    events = [
        PersonPromoted(
            originator_id=f"person:{name}",
            originator_version=written + n + 1,
            timestamp=datetime.now(UTC),
            actor="backend",
        )
        for n in range(together)
    ]
    holds = number == 0 and written == together
    try:
        with store.writing() as transaction:
            transaction.append(events, Changes())
            if holds:
                os.close(held)
                print(flush=True)
                sys.stdin.readline()
            time.sleep(chance.choice((0, 0, 0.001, 0.02)))
            if chance.random() < 0.1 and not holds:
                raise TakenBack
    except TakenBack:
        continue
    written += together
"""


def follow(read: Callable[[int], list[int]], seen: list[int]) -> None:
    """Take the next page behind what was seen last."""
    if page := read(seen[-1] if seen else 0):
        seen += page


def test_R30_a_tail_beside_twelve_writers_misses_nothing(
    new_url: Callable[[], str], long: bool
) -> None:
    for _ in range(3 if long else 1):
        follow_writers(new_url(), MANY_EACH if long else EVENTS_EACH)


def follow_writers(url: str, each: int) -> None:
    naive_engine = create_engine(url)
    query = text(
        "select position from addressee_event where position > :after order by 1 limit 1000"
    )

    def naively(after: int) -> list[int]:
        with naive_engine.connect() as connection:
            return list(connection.execute(query, {"after": after}).scalars())

    with SqlStore(url) as store, ExitStack() as stack:
        stack.callback(naive_engine.dispose)

        def settled(after: int) -> list[int]:
            last = store.settled()
            with store.reading() as reader:
                return [position for position, _ in reader.events(after, 1000, last)]

        numbers = map(str, (WRITERS, each, TOGETHER))
        writers = stack.enter_context(forked("-c", SCRIPT, url, *numbers, stdin=PIPE, stdout=PIPE))
        assert writers.stdin is not None
        assert writers.stdout is not None
        ours: list[int] = []
        naive: list[int] = []

        holds = stack.enter_context(ThreadPoolExecutor(1)).submit(writers.stdout.readline)

        def read() -> int:
            follow(settled, ours)
            follow(naively, naive)
            return len(naive)

        wait_until(lambda: read() and holds.done(), "a writer holds its positions")
        if not url.startswith("sqlite"):  # where others wait for it
            seen = len(naive)
            wait_until(lambda: read() >= seen + BEYOND, "others write meanwhile")
        writers.stdin.write("\n")
        writers.stdin.close()
        while writers.poll() is None:
            read()
            time.sleep(0.01)
        assert writers.returncode == 0
        for _ in range(WRITERS * each // 1000 + 2):
            read()
        with naive_engine.connect() as connection:
            written = set(
                connection.execute(text("select position from addressee_event")).scalars()
            )
    assert len(written) == WRITERS * each
    assert ours == sorted(written), f"{len(written - set(ours))} missed"
    if url.startswith("sqlite"):
        assert naive == ours, "on SQLite positions come in order by themselves"
        return
    assert max(written) > len(written), "nothing was rolled back"
    assert set(naive) != written, "the control lost nothing, so this test proves nothing"
