"""The current state of an installation and its person, read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from addressee.domain import Installation, NoRegistration, Person, values

from .personalization import Personalization
from .ports.store import Store
from .unit_of_work.aggregate_cache import AggregateCache
from .unit_of_work.repository import AggregateRepository


@dataclass(frozen=True, slots=True)
class Profile:
    """An installation, its person if there is one, and that person's other installations.

    Attributes:
        devices: the person's installations in the same application, in the order of binding; the
            installation alone where it is anonymous.
    """

    installation: Installation
    person: Person | None
    devices: tuple[Installation, ...]


class Profiles:
    """Reads states; every call may raise StoreUnavailable.

    Args:
        store: where the ledger is; an adapter's.
        people: shares its cache of states as last seen; the events since then are read.
    """

    def __init__(self, store: Store, people: Personalization | None = None) -> None:
        self._store = store
        self._cache = people.execution.cache if people else AggregateCache(10_000)

    def of(self, installation: str, *, within: str | None = None) -> Profile:
        """Return both, as of one moment.

        Args:
            installation: its id.
            within: the only application that the caller may see.

        Raises:
            NoRegistration: it is unknown or expired, or another application's.
        """
        name = values.identifier("installation", installation)
        with self._store.reading() as reader:
            repository = AggregateRepository(reader, self._cache)
            [(found, _)] = repository.load([Installation(name)]).values()
            device = cast("Installation", found)
            if within not in (None, device.application):
                raise NoRegistration(name)
            if not device.live:
                raise NoRegistration(name, device.expired)
            if device.person is None:
                return Profile(device, None, (device,))
            [(found, _)] = repository.load([Person(device.person)]).values()
            person = cast("Person", found)
            beside = [n for n, app in person.devices.items() if app == device.application]
            devices = repository.load(map(Installation, beside))
            order = [devices[Installation(n).id].aggregate for n in beside]
            return Profile(device, person, tuple(cast("list[Installation]", order)))

    def person(self, person: str, *, since: int | None = None) -> Person:
        """Return what is known of a person, who may be new.

        Args:
            person: the person's id.
            since: a ledger position that the answer must have seen, such as that of the command
                before; by default it is as new as can be, which costs a look at the store.
        """
        fresh = Person(values.identifier("person", person))
        seen = self._cache.get([fresh.id]).get(fresh.id)
        if seen is not None and since is not None and seen.position >= since:
            return cast("Person", seen.aggregate)
        with self._store.reading() as reader:
            [(found, _)] = AggregateRepository(reader, self._cache).load([fresh]).values()
        return cast("Person", found)
