"""What the application needs of a store. Everything else about a database is the adapter's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from pyroaring import BitMap

from addressee.domain import Event, MobileApp

from .changes import Changes
from .records import Seal, Stored

SHARD_BITS = 16
"""An ordinal's shard is its number without the last 16 bits."""


class Recorded(NamedTuple):
    """An event with its position in the ledger."""

    position: int
    event: Event


class Row(NamedTuple):
    """What a store keeps of an installation, its postings apart.

    Args:
        ordinal: its number, ascending in the order of registration.
        installation: its id.
        application: its application's code.
        person: whose it is, if anybody's.
        bound_at: since when.
    """

    ordinal: int
    installation: str
    application: str
    person: str | None
    bound_at: datetime | None


class View(Protocol):
    """Show ledger and read models as they were at one moment."""

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → its events behind a version, in order; those that have none left out.

        Args:
            after: stream → the version that is known; 0 asks for the whole stream.
        """
        ...

    def events(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to ``limit`` events of all streams behind a position, in ledger order."""
        ...

    def bound(self, application: str, claims: AbstractSet[str]) -> Mapping[str, BitMap]:
        """Return claim stream → ordinals of the installations of whoever holds the identifier.

        Args:
            application: where the installations are.
            claims: streams; those that lead nowhere may be left out of what comes back.
        """
        ...

    def ordinals(self, application: str, installations: AbstractSet[str]) -> Mapping[str, int]:
        """Return installation → ordinal, expired ones too; other applications' are left out."""
        ...

    def shards(self, application: str, terms: AbstractSet[str]) -> Mapping[str, Mapping[int, int]]:
        """Return term → shard → about how many postings; a shard left out has none."""
        ...

    def postings(
        self, application: str, terms: AbstractSet[str], shards: range
    ) -> Mapping[str, BitMap]:
        """Return term → exact ordinals in a run of shards; a term that has none may be left out.

        Args:
            application: its code.
            terms: as the index knows them.
            shards: the run; the same few runs are asked for again and again.

        Returns:
            Bitmaps that are not to be changed.
        """
        ...

    def segments(
        self, application: str, names: AbstractSet[str] | None = None
    ) -> Mapping[str, str]:
        """Return name → expression of an application's saved segments, all or those named."""
        ...

    def names(self, ordinals: Sequence[int]) -> Sequence[str]:
        """Return the ids of the installations with these ordinals, which ascend."""
        ...


class Reader(View, Protocol):
    """Show a store as it is, with the signs of life that no ledger has (R26)."""

    def idle(self, application: str, before: datetime, limit: int) -> Sequence[str]:
        """Return bound installations whose binding and last touch are not later than ``before``."""
        ...

    def last_seen(self, installation: str) -> datetime | None:
        """Return when a bound installation was bound or last touched; None if it is unbound."""
        ...


class Audit(Reader, Protocol):
    """Show all that there is, for whoever checks it; nothing that is kept in memory is used."""

    def ledger(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return up to ``limit`` events behind a position, as this view sees them.

        Those are all that its read models show, and no others. `Reader.events` is for followers:
        it also waits for what might appear at an earlier position.
        """
        ...

    def last(self) -> int:
        """Return the position of the last event that this view sees; 0 if there is none."""
        ...

    def rows(self) -> Iterable[Row]:
        """Return every installation's row, expired ones too."""
        ...

    def claims(self) -> Iterable[tuple[str, str]]:
        """Return claim stream and person of every identifier that is held."""
        ...

    def terms(self) -> Iterable[tuple[str, str]]:
        """Return application and term of all that have postings or had some.

        A term of which a store writes no more than a hash may come as it is written.
        """
        ...

    def stored(self, after: int, limit: int) -> Sequence[Stored]:
        """Return what `ledger` does, as it is stored; nothing is refused for what it says."""
        ...

    def seals(self, after: int, limit: int) -> Sequence[Seal]:
        """Return up to ``limit`` seals behind a number, in their order."""
        ...


class Transaction(Reader, Protocol):
    """Change ledger and read models together: all on leaving the block, or nothing."""

    def append(self, events: Sequence[Event], changes: Changes) -> Sequence[int]:
        """Record events and bring the read models up to them; return the events' positions.

        Raises:
            Conflict: a stream has got other events since it was read.
        """
        ...

    def touch(self, sessions: Mapping[str, datetime]) -> None:
        """Note installation → when its session was alive; not in the ledger (R26)."""
        ...


class Viewable(Protocol):
    """Answer questions about one account, as it is or as it was.

    Attributes:
        identifier_key: the secret that turns identifiers into stream ids (R5).
        indexed_attributes: ``attr.name`` and ``iattr.name`` that audiences may use.
    """

    identifier_key: bytes
    indexed_attributes: AbstractSet[str]

    def reading(self) -> AbstractContextManager[View]:
        """Open a view that does not change while it is open; raises StoreUnavailable."""
        ...


class Store(Viewable, Protocol):
    """Keep one ledger with its read models: one account."""

    def reading(self) -> AbstractContextManager[Reader]:
        """Open a view that does not change while it is open; raises StoreUnavailable."""
        ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """Open a transaction; it commits when the block ends, rolls back when it raises.

        Raises:
            StoreUnavailable: the store can't be reached; nothing was recorded.
        """
        ...


@runtime_checkable
class AuditableStore(Store, Protocol):
    """Keep a store of which everything can be read."""

    def auditing(self) -> AbstractContextManager[Audit]:
        """Open a view that does not change while it is open; raises StoreUnavailable."""
        ...


@runtime_checkable
class JoinableStore(Store, Protocol):
    """Keep a store beside tables of the host's, and change both in one transaction."""

    def joining(
        self, host: object, committed: Callable[[], None]
    ) -> AbstractContextManager[Transaction]:
        """Take part in a transaction that the host has opened and will end.

        What is done in the block is taken back when it raises; otherwise it is kept or taken back
        with all that the host does.

        Args:
            host: the transaction, as the adapter takes it.
            committed: called once the host has committed, and never if it does not.

        Raises:
            InvalidValue: it is no transaction that can be joined.
            Conflict: a race was lost; the host's transaction can go on.
            StoreUnavailable: the database is gone, or took the host's transaction back.
        """
        ...


Scope = Literal["backend", "admin"]
"""What an API key may do: a backend's work, and also what only operators may see."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of an API key: enough to recognize it, not enough to use it.

    Args:
        name: the part of the key that is no secret.
        application: the code of the one application that it counts for.
        scope: what it may do.
        digest: SHA-256 of the secret part.
    """

    name: str
    application: str
    scope: Scope
    digest: bytes


class Applications(Protocol):
    """Keep applications and their API keys; any call may raise StoreUnavailable."""

    def put(self, application: MobileApp) -> None:
        """Keep an application, in place of the one that has the same code."""
        ...

    def get(self, code: str) -> MobileApp | None:
        """Return an application by its code."""
        ...

    def all(self) -> Sequence[MobileApp]:
        """Return every application, by code."""
        ...

    def put_key(self, key: ApiKey, *, alone: bool) -> None:
        """Keep a key; ``alone`` in place of all that its application has of the same scope."""
        ...

    def key(self, name: str) -> ApiKey | None:
        """Return a key by its name."""
        ...

    def keys(self, application: str) -> Sequence[ApiKey]:
        """Return the keys of an application, by name."""
        ...

    def remove_key(self, name: str) -> bool:
        """Forget a key; return whether it was there."""
        ...
