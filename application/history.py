"""What happened, and who it was at any moment (R36)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import takewhile

from addressee.domain import (
    IdentifierClaim,
    Installation,
    NoRegistration,
    Person,
    UnknownPerson,
    identifier_of,
    values,
)

from .ports import Recorded, Store


class History:
    """Reads the ledger; the answers do not depend on any read model.

    Every call may raise StoreUnavailable for a store that does not answer.

    Args:
        store: where the ledger is; an adapter's.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def installation(self, installation: str) -> Sequence[Recorded]:
        """Return everything that happened to an installation, oldest first.

        Raises:
            NoRegistration: it was never registered; expired ones keep their history.
        """
        name = values.identifier("installation", installation)
        if recorded := self._stream(Installation(name).id):
            return recorded
        raise NoRegistration(name)

    def person(self, person: str) -> Sequence[Recorded]:
        """Return everything that happened to a person, oldest first; raises UnknownPerson."""
        name = values.identifier("person", person)
        if recorded := self._stream(Person(name).id):
            return recorded
        raise UnknownPerson(name)

    def identifier(self, kind: str, value: str) -> Sequence[Recorded]:
        """Return who held an identifier and when: claims and releases, oldest first (R5).

        Args:
            kind: ``external_id``, ``msisdn`` or ``email``.
            value: in any form that `Identity` takes.

        Returns:
            The events; none where nobody ever held it.
        """
        claim = IdentifierClaim.on(identifier_of(kind, value), self._store.identifier_key)
        return self._stream(claim.id)

    def who(self, installation: str, at: datetime | None = None) -> str | None:
        """Return the id of the person who held an installation at a moment, if anybody did.

        Args:
            installation: its id.
            at: the moment, aware of its zone; now by default.

        Raises:
            NoRegistration: it was never registered.
        """
        name = values.identifier("installation", installation)
        recorded = self.installation(name)
        return Installation(name).fold(r.event for r in until(recorded, at)).person

    def devices(self, person: str, at: datetime | None = None) -> list[str]:
        """Return the installations that a person held at a moment, in the order of binding.

        Args:
            person: the person's id.
            at: the moment, aware of its zone; now by default.

        Raises:
            UnknownPerson: nobody has that id.
        """
        name = values.identifier("person", person)
        recorded = self.person(name)
        return list(Person(name).fold(r.event for r in until(recorded, at)).devices)

    def _stream(self, stream: str) -> Sequence[Recorded]:
        with self._store.reading() as reader:
            return reader.streams({stream: 0}).get(stream, ())


def until(recorded: Sequence[Recorded], at: datetime | None) -> Iterator[Recorded]:
    """Yield what had happened at a moment; a stream's times never run backwards."""
    if at is None:
        return iter(recorded)
    moment = values.moment("at", at)
    return takewhile(lambda r: r.event.timestamp <= moment, recorded)
