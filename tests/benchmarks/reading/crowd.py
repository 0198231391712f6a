"""A store with many installations, of which some hundred have their whole streams in the ledger.

All others are in the read models, and in the ledger with one event each: a page about one person
reads that person's streams, and those of the person's devices, however many others there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

from addressee.adapters.sql import SqlStore
from addressee.application import Changes, Stored
from tests.benchmarks.reading.population import KEY, Population
from tests.benchmarks.scaling import town

TOLD = 500
"""How many persons have their streams: more than a page of an audience shows."""
CREATED = ("addressee.PersonCreated", b'{"timestamp":"2026-11-23T00:00:00Z","type":"LEAD"}')


def fill(store: SqlStore, installations: int) -> list[str]:
    """Fill an empty store, and return the ids of installations whose streams are in the ledger.

    The first is of the person with the external id ``p1``, and so on.
    """
    told: list[str] = []
    positions = count(1)
    with store.filling(KEY, frozenset()) as filling:
        for changes in Population(installations).changes():
            events = [*events_of(changes, told)]
            filling.fill([Stored(next(positions), *event[1:]) for event in events], changes)
    return told


def events_of(changes: Changes, told: list[str]) -> Iterator[Stored]:
    """Yield the events of the installations of a page; the ids of those with streams are noted."""
    for change in changes.installations:
        device, person, number = change.installation, change.person, len(told) + 1
        if person is None or "primary" not in change.gained or number > TOLD:
            yield Stored(0, f"person:other-{device}", 1, *CREATED)
            continue
        told.append(device)
        [claim] = [name for name, holder in changes.holders.items() if holder == person]
        names = {"id0-@": person, "d@": device, "p@": f"p{number}"}
        for _, stream, version, topic, state in town.signed_in(number % town.KINDS):
            name = claim if stream.startswith("claim:") else renamed(stream, names)
            yield Stored(0, name, version, topic, renamed(state.decode(), names).encode())


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return a text with the names of a person of the town replaced."""
    for old, new in names.items():
        text = text.replace(old, new)
    return text
