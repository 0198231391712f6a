"""Whose a device was, and how persons and devices were, at any moment (R36)."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from addressee.domain import Installation, NoRegistration, Person, UnknownPerson, values

from .ports.records import LARGEST_POSITION
from .ports.transaction_views import Reader
from .push_history import PushHistory
from .read_models.states import InstallationState, PersonState
from .read_models.stream_pages import counted, until, up_to
from .unit_of_work.merge_resolution import SeenPersons
from .unit_of_work.repository import AggregateRepository


class StateHistory(PushHistory):
    """The part of `History` about one moment."""

    def who(
        self, installation: str, at: datetime | None = None, *, within: str | None = None
    ) -> str | None:
        """Return the id of the person who held an installation at a moment, if anybody did.

        Args:
            installation: its id.
            at: the moment, aware of its zone; now by default.
            within: the application that the caller is confined to.

        Raises:
            NoRegistration: it was never registered.
        """
        name = values.identifier("installation", installation)
        recorded = self.installation(name, within=within)
        person = Installation(name).fold(r.event for r in until(recorded, at)).person
        if person is None:
            return None
        with self._store.reading() as view:
            return SeenPersons(view, self._cache).name(person, counted(at))

    def holder(
        self, installation: str, at: datetime | None = None, *, within: str | None = None
    ) -> PersonState | None:
        """Return the person who held an installation at a moment, with the data of that moment.

        Arguments and errors as for `who`.
        """
        name = self.who(installation, at, within=within)
        if name is None:
            return None
        with self._store.reading() as view:
            person = SeenPersons(view, self._cache).person(name, counted(at))
        return PersonState.of(person, within)

    def devices(
        self, person: str, at: datetime | None = None, *, within: str | None = None
    ) -> list[str]:
        """Return the installations that a person held at a moment, in the order of binding.

        Args:
            person: the person's id.
            at: the moment, aware of its zone; now by default.
            within: the application that the caller is confined to.

        Raises:
            UnknownPerson: nobody has that id.
        """
        name = values.identifier("person", person)
        self._check_known(name, within)
        with self._store.reading() as view:
            persons = SeenPersons(view, self._cache)
            devices = persons.person(name, counted(at)).devices
            if not persons.events(name):
                raise UnknownPerson(name)
        return [device for device, where in devices.items() if within in (None, where)]

    def person_state(
        self, person: str, at: datetime | None = None, *, within: str | None = None
    ) -> PersonState:
        """Return a person with the data of a moment.

        Arguments as for `devices`.

        Raises:
            UnknownPerson: nobody had that id then.
        """
        name = values.identifier("person", person)
        self._check_known(name, within)
        with self._store.reading() as view:
            found = SeenPersons(view, self._cache).person(name, counted(at))
        if not found.exists:
            raise UnknownPerson(name)
        return PersonState.of(found, within)

    def installation_state(
        self, installation: str, at: datetime | None = None, *, within: str | None = None
    ) -> InstallationState:
        """Return an installation as it was at a moment, an expired one too.

        Arguments as for `who`.

        Raises:
            NoRegistration: it was not registered then.
        """
        name = values.identifier("installation", installation)
        recorded = self.installation(name, within=within)
        found = Installation(name).fold(each.event for each in until(recorded, at))
        if not found.exists:
            raise NoRegistration(name)
        return InstallationState.of(found)

    def person_at(self, person: str, position: int) -> Person:
        """Return the person as whom a person was seen at a position of the ledger."""
        name = values.identifier("person", person)
        last = values.whole("position", position, 0, LARGEST_POSITION)
        with self._store.reading() as view:
            return SeenPersons(view, self._cache).person(name, up_to(last))

    def _check_known(self, name: str, within: str | None) -> None:
        if within is not None and not self._knows(name, within):
            raise UnknownPerson(name)

    def _knows(self, person: str, within: str) -> bool:
        """Return whether an application has met a person, without reading all that happened."""
        application = values.identifier("within", within)
        with self._store.reading() as view:
            # A repository needs no more of it than a view has.
            repository = AggregateRepository(cast("Reader", view), self._cache)
            return repository.seen(person).known_in(application)
