"""The copy of a ledger in a store: checks what a stream has, and writes it with its read models."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.store.follower_state import Followed, followed, promote
from addressee.adapters.sql.store.sealed import destroy_again
from addressee.adapters.sql.store.stored_settings import Settings
from addressee.application import Changes, Replay, Stored, whole_length
from addressee.domain import (
    Conflict,
    IdentifierKeyWrong,
    InvalidValue,
    KeyMissing,
    LedgerStreamInvalid,
    StoreDamaged,
    StoreNotSealed,
    key_fingerprint,
)

from .continuity import OTHER_KEY
from .page import Arrived, LedgerPage, check_signed, digest_after, place_of, read_page


class LedgerCopy:
    """Takes the messages of a stream, each once and in order.

    What a message holds is checked before any of it is written: that it goes on where the copy
    ends, and that the digest of the whole copy is then the one that the source has. Events, read
    models and the place in the stream commit together.

    Args:
        store: empty, or one that follows this ledger already.
        key: the source's identifier key, for a store that is empty.

    Attributes:
        state: what the store has.
        end: the same with the events that wait for the other half of a command.
    """

    def __init__(self, store: SqlStore, key: bytes | None) -> None:
        self._store = store
        self._key = key
        self._schema = store.parts.prepared.schema
        self._replay = Replay(store.indexed_attributes, store.identifier_key)
        self._waiting: list[Stored] = []
        self.state = self.end = Followed("", "")

    def known(self) -> Followed | None:
        """Return what the store notes of the ledger that it follows, or did follow."""
        return followed(self._store.database, self._schema)

    def followed(self) -> Followed:
        """Return the same, or what a new store begins with; InvalidValue if it was promoted."""
        state = self.known() or Followed("", secrets.token_hex(8))
        if state.promoted_at is not None:
            raise InvalidValue("store", "was promoted, and follows no ledger any more")
        return state

    def promote(self, now: datetime) -> Followed:
        """Have the store take commands; raises InvalidValue if it follows no ledger."""
        state = promote(self._store.database, self._schema, now)
        if state is None:
            raise InvalidValue("store", "follows no ledger")
        return state

    def begin(self) -> Followed:
        """Go on with what the store has; raises InvalidValue if it was promoted."""
        self.state = self.end = state = self.followed()
        self._waiting = []
        store = self._store
        if store.keys is not None:  # a process that ended at that may have left some
            destroy_again(store.keys, Settings(store.database, self._schema))
        self._replay = Replay(store.indexed_attributes, store.identifier_key, state.position)
        return state

    def receive(self, arrived: Arrived) -> None:
        """Take a message, unless it was taken before; raises as `Follower.step` does."""
        expected = self.end.sequence + 1
        if arrived.sequence < expected:
            return
        place = place_of(arrived)
        if arrived.sequence > expected:
            raise LedgerStreamInvalid(place, f"comes where message {expected} was expected")
        page = read_page(arrived)
        self._check_source(page, arrived)
        if not self.state.ledger:
            self._start(page, place)
        digest = self._checked(page, place)
        self.end = replace(
            self.end,
            sequence=arrived.sequence,
            position=page.heading.last,
            digest=digest.hex(),
            at=arrived.at.isoformat(),
        )
        self._waiting += page.events
        self._write(place)

    def _check_source(self, page: LedgerPage, arrived: Arrived) -> None:
        """Raise an error unless a page was signed with the identifier key of the ledger."""
        own = self._store.identifier_key
        key = own if self.state.ledger else self._key or own
        if key_fingerprint(key) != page.heading.key_fingerprint:
            if self.state.ledger:
                raise LedgerStreamInvalid(place_of(arrived), OTHER_KEY)
            raise IdentifierKeyWrong
        check_signed(arrived, page.heading, key)

    def _start(self, page: LedgerPage, place: str) -> None:
        """Have an empty store follow the ledger that a first page is of."""
        heading, store = page.heading, self._store
        key = self._key or store.identifier_key
        if heading.after:
            raise LedgerStreamInvalid(place, f"is the first, and follows position {heading.after}")
        if heading.sealed_as is None and store.sealed_as is not None:
            raise StoreNotSealed
        indexed = store.indexed_attributes | {*heading.indexed_attributes}
        state = replace(self.state, ledger=heading.key_fingerprint)
        with store.filling(key, indexed, heading.sealed_as) as filling:
            filling.follow(state.written())
        self.state = self.end = state
        self._replay = Replay(indexed, key)

    def _checked(self, page: LedgerPage, place: str) -> bytes:
        """Return the digest of the copy with a page; raises LedgerStreamInvalid."""
        heading, end = page.heading, self.end
        if heading.after > end.position:
            problem = f"follows position {heading.after}, and the copy ends at {end.position}"
            raise LedgerStreamInvalid(place, problem)
        if heading.after < end.position:
            raise LedgerStreamInvalid(place, self._repeated(page))
        digest = digest_after(bytes.fromhex(end.digest), page.events)
        if digest.hex() != heading.digest:
            problem = "is not what the source has there, or the copy is not: the digests differ"
            raise LedgerStreamInvalid(place, problem)
        return digest

    def _repeated(self, page: LedgerPage) -> str:
        """Return what is wrong with a page whose positions are in the copy."""
        first = page.events[0].position
        with self._store.auditing() as audit:
            own = audit.stored(page.heading.after, len(page.events), page.heading.last)
        there = {event.position: event for event in [*own, *self._waiting]}
        if any(there.get(event.position, event) != event for event in page.events):
            return f"has other events at positions that the copy has, from {first} on"
        return f"comes again or late: the copy has its positions, from {first} on"

    def _write(self, place: str) -> None:
        """Write what waits, unless half of a command is missing still."""
        try:
            with self._store.following() as copy:
                recorded = copy.recorded(self._waiting)
                if whole_length(recorded) < len(recorded):
                    return
                copy.note(self.state.written(), self.end.written())
                changes = self._replay.changes(recorded, copy)
                copy.follow(self._waiting, changes)
        except Conflict:
            if self.known() == self.state:
                problem = "has an event that the copy has at another position"
                raise LedgerStreamInvalid(place, problem) from None
            raise
        except KeyMissing:
            raise
        except StoreDamaged as damage:
            raise LedgerStreamInvalid(place, str(damage)) from None
        self.state, self._waiting = self.end, []
        self._destroy_keys(changes)

    def _destroy_keys(self, changes: Changes) -> None:
        """Destroy what an erasure has destroyed at the source, if the keys here are a copy."""
        if self._store.keys is not None and changes.erased:
            self._store.keys.destroy([key for keys in changes.erased.values() for key in keys])
