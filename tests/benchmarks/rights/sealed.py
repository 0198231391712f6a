"""The same commands on a sealed store and on one in clear, both on SQLite, in turn.

The command is a first sign-in, with an external id, an e-mail address and two tags. Times are those
of the processor: keys are made ahead, so that a command seldom waits for the key store's disk. A
replay starts with no key in memory. Bytes are those of the whole database, without free pages and
with the read models.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

from addressee.adapters.cli.garbage_collection import collected_seldom
from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Call, Identity, KeyStore, Past, Personalization, bulk
from tests.benchmarks.report import Figure, paired
from tests.benchmarks.writing.ledger import registration, sign_in

COMMANDS = 200
"""Sign-ins of one turn."""
PERSONS = 4_000
"""How many sign in to fill the ledgers that are read."""
ROUNDS, TURNS = 7, 15
"""How often ledgers are read, and how many turns of sign-ins there are."""
Opened = Callable[[], SqlStore]


def figures() -> Iterator[Figure]:
    with ExitStack() as stack:
        stack.enter_context(collected_seldom())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keys = SqlKeyStore(f"sqlite:///{folder}/keys.db", wrapping_key=bytes(32))
        stack.enter_context(keys)
        sides = [opened_in(folder / "sealed.db", keys), opened_in(folder / "clear.db", None)]
        last = 0
        for opened in sides:
            with opened() as store:
                people = Personalization(store)
                bulk(people, registered(people, "filled", PERSONS))
                last = store.last()
        for name, work in (("replay into memory", replayed), ("rebuild", rebuilt)):
            ours, other = (partial(work, opened, last) for opened in sides)
            spent = paired(ours, other, ROUNDS)
            yield Figure(f"{name}, sealed beside in clear", *spent, 0.6)
        names = ("sealed", "clear", "keys")
        size, clear, wrapped = (size_of(folder / f"{n}.db") / last * 1e-6 for n in names)
        yield Figure("bytes an event, sealed beside in clear", size, clear, 1 / 1.5)
        yield Figure("bytes an event, key store beside ledger in clear", wrapped, clear, None)
        stores = [stack.enter_context(opened()) for opened in sides]
        sealed, plain = signed_in([Personalization(store) for store in stores])
        yield Figure("sign-in, sealed beside in clear", sealed, plain, 0.85)


def signed_in(sides: Sequence[Personalization]) -> list[float]:
    """Return the median seconds of a sign-in on each side, which take turns."""
    rounds = [
        [seconds_of_one(people, f"round{number}") for people in sides]
        for number in range(TURNS + 1)
    ]
    return [median(spent) for spent in zip(*rounds[1:], strict=True)]  # the first is to warm up


def opened_in(file: Path, keys: KeyStore | None) -> Opened:
    return lambda: SqlStore(f"sqlite:///{file}", keys=keys)


def registered(people: Personalization, name: str, number: int) -> list[Call]:
    """Register devices in one transaction; return the calls that sign a person in on each."""
    devices = [f"{name}-{n}" for n in range(number)]
    bulk(people, [registration(each) for each in devices])
    return [sign_in(each, Identity(each, emails=[f"{each}@x.com"])) for each in devices]


def seconds_of_one(people: Personalization, name: str) -> float:
    """Return the seconds of one sign-in, each a transaction of its own."""
    calls = registered(people, name, COMMANDS)
    start = process_time()
    for call in calls:
        call(people)
    return (process_time() - start) / COMMANDS


def replayed(opened: Opened, last: int) -> int:
    """Fold a ledger into memory; return how many events it has."""
    with opened() as store:
        assert [*Past(store, last).rows()]
    return last


def rebuilt(opened: Opened, last: int) -> int:
    """Rebuild all read models; return how many events that took."""
    with opened() as store:
        Rebuild(store).run()
    return last


def size_of(file: Path) -> int:
    """Return how many bytes a database has without free pages."""
    copy = file.with_suffix(".copy")
    with closing(sqlite3.connect(file)) as database:
        database.execute("VACUUM INTO ?", (str(copy),))
    return copy.stat().st_size
