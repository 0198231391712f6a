"""Sessions that expire among many that don't, on SQLite: what others are bound must not matter.

Of the others half were bound lately, and half were bound long ago and touched lately.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median
from time import process_time

from addressee.adapters.sql import SqlStore
from addressee.application import Call, Changes, Identity, Personalization
from addressee.domain import SessionPolicy
from tests.benchmarks.reading.past import done
from tests.benchmarks.reading.population import APPLICATION, KEY, SINCE, Population
from tests.benchmarks.report import Figure

EXPIRING, FEW, ROUNDS = 1_000, 10_000, 5
IDLE = timedelta(days=30)


def figures(installations: int) -> Iterator[Figure]:
    (many, nothing), (few, other) = (expired(number) for number in (installations, FEW))
    name = f"{EXPIRING:,} sessions among {installations:,} beside {FEW:,}, at most 1.5 times"
    yield Figure(name, many, few, 1 / 1.5)
    yield Figure(f"no session among {installations:,} beside {FEW:,}", nothing, other, None)


def expired(installations: int) -> tuple[float, float]:
    """Return the median seconds in which sessions of one round expire, and in which none does."""
    now = SINCE + 2 * IDLE
    with (
        tempfile.TemporaryDirectory() as folder,
        SqlStore(f"sqlite:///{folder}/sessions.db", identifier_key=KEY) as store,
    ):
        fill(store, installations, now)
        clock = [now]
        people = Personalization(
            store, clock=lambda: clock[0], sessions={APPLICATION: SessionPolicy(IDLE)}
        )
        assert people.expire_sessions() == [], "the first look notes all that were touched"
        spent: list[float] = []
        idle: list[float] = []
        for round_ in range(ROUNDS):
            names = [f"{round_}-{n}" for n in range(EXPIRING)]
            clock[0] = now - IDLE - timedelta(minutes=1)
            done(people, signs_in(names))
            clock[0] = now
            start = process_time()
            assert len(people.expire_sessions()) == EXPIRING
            done_at = process_time()
            spent.append(done_at - start)
            assert people.expire_sessions() == []
            idle.append(process_time() - done_at)
        return median(spent), median(idle)


def fill(store: SqlStore, installations: int, now: datetime) -> None:
    """Bind installations, half of them just now; the others are touched just now."""
    touched = dict[str, datetime]()
    with store.loading() as load:
        for changes in Population(installations).changes():
            for number, change in enumerate(changes.installations):
                change.bound_at = now if number % 2 and change.person else change.bound_at
            load.load(changes)
            touched |= {change.installation: now for change in changes.installations[::2]}
    with store.writing() as transaction:
        transaction.conclude((), Changes(), touched)


def signs_in(names: Sequence[str]) -> Iterator[Call]:
    """Yield the commands that register installations, and those that sign somebody in."""
    yield from map(registers, names)
    yield from map(personalizes, names)


def registers(name: str) -> Call:
    return lambda people: people.register(APPLICATION, installation=name)


def personalizes(name: str) -> Call:
    return lambda people: people.personalize(name, Identity(external_id=name))
