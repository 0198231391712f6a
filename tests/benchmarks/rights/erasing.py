"""Erasing one person of many, on SQLite: how many others there are must not matter.

The others are there in the read models, in the ledger with an event each, and in the key store with
a key each. Each erased person has two devices, one of them shared, attributes and tags. The time is
that of the processor, from the call to the certificate.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from statistics import median
from time import process_time

from sqlalchemy import insert

from addressee.adapters.cli.garbage_collection import collected_seldom
from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.sql import SqlStore
from addressee.application import Call, Identity, Personalization, Rights, bulk
from tests.benchmarks.reading.population import APPLICATION, KEY, Population
from tests.benchmarks.report import Figure

FEW = 10_000
ERASED = 40
"""How many are erased; the median counts."""
BAR = 0.05
"""Seconds that one may take."""
MADE = 4_096
"""How many keys are made at once."""


def figures(installations: int) -> Iterator[Figure]:
    many, few = erased(installations), erased(FEW)
    yield Figure(f"erasing one of {installations:,}, of {BAR * 1e3:g} ms", many, BAR, 1)
    yield Figure(f"erasing one of {installations:,} beside {FEW:,}", many, few, None)


def erased(installations: int) -> float:
    """Return the median seconds in which one person is erased."""
    with (
        collected_seldom(),
        tempfile.TemporaryDirectory() as folder,
        SqlKeyStore(f"sqlite:///{folder}/keys.db", wrapping_key=bytes(32)) as keys,
        SqlStore(f"sqlite:///{folder}/ledger.db", keys=keys, identifier_key=KEY) as store,
    ):
        fill(store, keys, installations)
        people = Personalization(store)
        rights = Rights(store, people)
        bulk(people, [call for n in range(ERASED) for call in life(n)])
        spent: list[float] = []
        for number in range(ERASED):
            found = people.personalize(f"phone{number}", identity(number)).person
            start = process_time()
            assert rights.erase(found).done
            spent.append(process_time() - start)
        return median(spent)


def fill(store: SqlStore, keys: SqlKeyStore, installations: int) -> None:
    """Have others in all tables."""
    with store.loading() as load:
        for changes in Population(installations).changes():
            load.load(changes)
    table = store.parts.prepared.schema.event
    rows = {"topic": "addressee.PersonCreated", "version": 1, "state": b'{"timestamp":"'}
    for first in range(0, installations, MADE):
        names = range(first, min(first + MADE, installations))
        with store.database.writing() as connection:
            others = [rows | {"stream": f"person:other{n}"} for n in names]
            connection.execute(insert(table), others)
        keys.new_keys(len(names))


def life(number: int) -> Iterator[Call]:
    """Yield the calls of one person."""
    phone, tablet = f"phone{number}", f"tablet{number // 4}"
    who, attributes = identity(number), {"first_name": f"Name {number}", "plan": "gold"}
    yield lambda p: p.register(APPLICATION, installation=phone, push_token=phone, os="android")
    yield lambda p: p.register(APPLICATION, installation=tablet, os="ios")
    yield lambda p: p.personalize(tablet, who, force_depersonalize=True)
    yield lambda p: p.personalize(phone, who, attributes, {"vip", f"t{number}"})
    yield lambda p: p.update_installation(phone, device_name=f"phone of {number}")


def identity(number: int) -> Identity:
    return Identity(f"erased{number}", emails=[f"erased{number}@x.com"])
