"""One command in memory beside the stock way of `eventsourcing`: load two, decide, save two.

The command is a logout, and a login before the next one. Ours also keeps the read models and checks
every argument; the stock service does neither. How long the streams are decides a lot, so there is
a figure for a device that is new and for devices with a history: a phone that signs in weekly has
fifty logins behind it after a year, a tablet at a counter has thousands.
"""

from __future__ import annotations

from collections.abc import Iterator

from addressee.adapters.memory import MemoryStore
from addressee.application import Identity, Personalization
from tests.benchmarks.report import Figure, paired
from tests.benchmarks.writing.stock import StockService

DEVICES = 60
HISTORIES = (0, 10, 50)
"""How many logins and logouts each device has behind it."""


def figures() -> Iterator[Figure]:
    for logins in HISTORIES:
        yield figure(logins)


def figure(logins: int) -> Figure:
    people = Personalization(MemoryStore())
    identities = [Identity(external_id=f"person-{n}") for n in range(DEVICES)]
    devices = [
        people.register("shop", os="android", push_token=f"token-{n}").installation
        for n in range(DEVICES)
    ]
    stock = StockService()
    pairs = [(stock.register(n), stock.create(n)) for n in range(DEVICES)]

    def ours() -> int:
        for device, identity in zip(devices, identities, strict=True):
            people.personalize(device, identity)
            people.depersonalize(device)
        return 2 * DEVICES

    def other() -> int:
        for installation, person in pairs:
            stock.personalize(installation, person)
            stock.depersonalize(installation, person)
        return 2 * DEVICES

    for _ in range(logins):
        ours()
        other()
    name = f"command in memory, {logins or 'no'} logins before"
    return Figure(name, *paired(ours, other, rounds=5), bar=5.0)
