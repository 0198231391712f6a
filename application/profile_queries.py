"""The current state of an installation and its person, read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, cast

from addressee.domain import (
    KEEP,
    Aggregate,
    IdentifierClaim,
    IdentifierKey,
    Identity,
    Installation,
    NoRegistration,
    Person,
    Retention,
    UnknownPerson,
    UserData,
    UserIdentityInvalid,
    candidate,
    values,
)
from addressee.domain.times import ago

from .access.application_policies import Policies
from .command_methods.installations import optional_id
from .default_clock_and_ids import utc_now
from .personalization import Personalization
from .ports.keys import SealedStore
from .ports.records import LARGEST_POSITION
from .ports.store import Store
from .ports.transaction_views import Reader
from .read_models.states import InstallationState, PersonState
from .unit_of_work.aggregate_cache import AggregateCache
from .unit_of_work.repository import AggregateRepository
from .unit_of_work.results import Inactivity

A = TypeVar("A", bound=Aggregate)
ALL = 1 << 31
"""A limit above any number of installations."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An installation, its person if there is one, and that person's other installations.

    Attributes:
        devices: the person's installations in the same application, in the order of binding; the
            installation alone where it is anonymous.
    """

    installation: InstallationState
    person: PersonState | None
    devices: tuple[InstallationState, ...]


class Profiles:
    """Reads states; every call may raise StoreUnavailable.

    An id that names nothing raises an error; identifiers that nobody holds give None.

    Args:
        store: where the ledger is; an adapter's.
        people: shares its policies, and its cache of states as last seen; the events since then
            are read.
    """

    def __init__(self, store: Store, people: Personalization | None = None) -> None:
        self._store = store
        self._sealed = store if isinstance(store, SealedStore) else None
        self._cache = people.execution.cache if people else AggregateCache()
        self._policies = people.policies if people else Policies()

    def of(
        self, installation: str, *, within: str | None = None, user_data: UserData | None = None
    ) -> Profile:
        """Return an installation with its person, as of one moment.

        Args:
            installation: its id.
            within: the only application that the caller may see.
            user_data: the mode of the calling device's application, if a device calls (R56).

        Raises:
            NoRegistration: it is unknown or expired, or another application's.
            PersonProtected: a stricter application has met the person.
        """
        name = values.identifier("installation", installation)
        if user_data is not None:
            values.choice("user_data", user_data, UserData)
        with self._store.reading() as reader:
            repository = AggregateRepository(reader, self._cache)
            device = loaded(repository, Installation(name))
            if within not in (None, device.application):
                raise NoRegistration(name)
            if not device.live:
                raise NoRegistration(name, device.expired)
            state = InstallationState.of(device)
            if device.person is None:
                return Profile(state, None, (state,))
            person = repository.seen(device.person)
            self._policies.check_protection(user_data, device, person, reader)
            names = [n for n, app in person.devices.items() if app == device.application]
            found = repository.load(map(Installation, names))
            others = (cast("Installation", found[Installation(n).id].aggregate) for n in names)
            return Profile(
                state, PersonState.of(person, within), tuple(map(InstallationState.of, others))
            )

    def installation(self, installation: str, *, at: int) -> InstallationState:
        """Return an installation as a command left it, whatever has happened to it since.

        Args:
            installation: its id.
            at: the ledger position of the command's result.

        Raises:
            NoRegistration: it was not registered at that position.
        """
        name = values.identifier("installation", installation)
        values.whole("at", at, 0, LARGEST_POSITION)
        fresh = Installation(name)
        seen = self._cache.get([fresh.id]).get(fresh.id)
        if seen is not None and seen.position == at:
            return InstallationState.of(cast("Installation", seen.aggregate))
        with self._store.reading() as reader:
            recorded = reader.streams({fresh.id: 0}).get(fresh.id, ())
        fresh.fold(event for position, event in recorded if position <= at)
        if not fresh.exists:
            raise NoRegistration(name)
        return InstallationState.of(fresh)

    def person(
        self, person: str, *, within: str | None = None, since: int | None = None
    ) -> PersonState:
        """Return a person by id.

        Args:
            person: the person's id.
            within: the only application that the caller may see.
            since: a ledger position that the answer must include, such as that of a command's
                result; by default the answer is current, which costs a round trip.

        Raises:
            UnknownPerson: nobody has that id, or nobody that the application has met.
        """
        name, _ = values.identifier("person", person), optional_id("within", within)
        if since is not None:
            values.whole("since", since, 0, LARGEST_POSITION)
        stream = Person(name).id
        seen = self._cache.get([stream]).get(stream)
        found = cast("Person", seen.aggregate) if seen is not None else None
        # Another process may have erased a person whom the cache still has.
        sealed = self._sealed is not None and self._sealed.sealed_as is not None
        stale = sealed or seen is None or since is None or seen.position < since
        if found is None or found.links or stale:
            with self._store.reading() as reader:
                found = AggregateRepository(reader, self._cache).seen(name)
        if not found.exists or found.erasing or not found.known_in(within):
            raise UnknownPerson(found.name)
        return PersonState.of(found, within)

    def find(self, identity: Identity, *, within: str | None = None) -> PersonState | None:
        """Return the person who holds any of the given identifiers, or None.

        Args:
            identity: one identifier or more.
            within: the only application that the caller may see; persons whom it has never met
                are not found.

        Raises:
            UserIdentityInvalid: the identity has no identifier.
            AmbiguousPersonalizeCandidates: several persons hold them, of those that are found.
        """
        wanted, _ = values.instance("identity", identity, Identity), optional_id("within", within)
        if not wanted:
            raise UserIdentityInvalid
        with self._store.reading() as reader:
            return self._holder(reader, wanted, within)

    def inactivity(self, now: datetime | None = None) -> list[Inactivity]:
        """Return what `Personalization.expire_sessions` would do, and what is stale (R54).

        It takes time and memory that grow with what it names.

        Args:
            now: the time to judge by, aware of its zone; the present by default.

        Returns:
            One entry an application that has a session policy or a retention.
        """
        at = utc_now() if now is None else values.moment("now", now)
        with self._store.reading() as reader:
            sessions = self._policies.session_policies(reader)
            retentions = self._policies.retentions(reader)
            found: list[Inactivity] = []
            for code in sorted({*sessions, *retentions}):
                kept, session = retentions.get(code, Retention()), sessions.get(code, KEEP)
                if (kept, session) == (Retention(), KEEP):
                    continue
                unused = partial(idle_in, reader, code, at)
                stale, expiring = unused(kept.stale_after), unused(kept.expire_after)
                gone = {*expiring}
                ending = tuple(name for name in unused(session.idle) if name not in gone)
                anonymous = unused(kept.expire_anonymous_after, anonymous=True)
                found.append(Inactivity(code, stale, expiring, ending, anonymous))
            return found

    def _holder(self, reader: Reader, identity: Identity, within: str | None) -> PersonState | None:
        repository, key = AggregateRepository(reader, self._cache), self._store.identifier_key
        claims = {i: IdentifierClaim.on(i, key) for i in identity.identifiers()}
        newest = IdentifierKey()
        found = repository.load([*claims.values(), newest])
        cast("IdentifierKey", found[newest.id].aggregate).check(key)
        holders = {
            identifier: holder
            for identifier, claim in claims.items()
            if (holder := cast("IdentifierClaim", found[claim.id].aggregate).holder)
        }
        repository.load(map(Person, holders.values()))
        seen = {identifier: repository.seen(name) for identifier, name in holders.items()}
        known = {i: person.name for i, person in seen.items()
                 if person.known_in(within) and not person.erasing}  # fmt: skip
        chosen = candidate(known, identity)
        return None if chosen is None else PersonState.of(repository.seen(chosen), within)


def idle_in(
    reader: Reader,
    application: str,
    now: datetime,
    time: timedelta | None,
    *,
    anonymous: bool = False,
) -> tuple[str, ...]:
    """Return the installations that nobody has used for a time; none for no time."""
    if time is None:
        return ()
    return tuple(reader.idle(application, ago(now, time), ALL, anonymous=anonymous))


def loaded(repository: AggregateRepository, aggregate: A) -> A:
    """Return the committed state of one aggregate."""
    [(found, _)] = repository.load([aggregate]).values()
    return cast("A", found)
