"""Replacing the identifier key, which names the claims on identifiers and push tokens (R5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from addressee.domain import (
    UNIQUE_FACTS,
    Aggregate,
    ErasureRequested,
    Event,
    Identifier,
    IdentifierAdded,
    IdentifierClaim,
    IdentifierClaimRenamed,
    IdentifierKeyWrong,
    Installation,
    InstallationRegistered,
    InvalidValue,
    Occasion,
    PushTokenClaim,
    key_fingerprint,
    values,
)
from addressee.domain.events import category_of, name_in
from addressee.domain.person_identifiers import new_identifier_key

from ..default_clock_and_ids import utc_now
from ..execution.lost_race_retry import tried_again
from ..ledger.seal_check import stored_events
from ..ports.audit_views import Audit
from ..ports.records import Recorded
from ..ports.store import RekeyableStore, Store
from ..read_models.claim_names import identifier_keys
from ..read_models.replay import Replay

PAGE = 1_000
"""How many events are read at once."""
ATTEMPTS = 10
"""How often at most: each reads the ledger anew, while commands wait."""
ACTOR = "operator"
SHORTEST, LONGEST = 16, 64
"""Bytes of a key; BLAKE2b takes no longer one (RFC 7693)."""


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What a new identifier key has changed, or would change.

    Attributes:
        done: whether it is done; False for a dry run.
        identifiers: how many identifiers have claims under the new key.
        push_tokens: likewise of push tokens and Firebase installation ids.
        forgotten: how many claims on identifiers stay under the old key alone, since nobody can
            read the identifiers any more: those of erased persons.
        fingerprint: of the new key; empty for a dry run.
        position: of the ledger's last event.
    """

    done: bool
    identifiers: int
    push_tokens: int
    forgotten: int
    fingerprint: str
    position: int

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def rekey(
    store: Store,
    key: bytes | None = None,
    *,
    dry_run: bool = False,
    clock: Callable[[], datetime] = utc_now,
    progress: Callable[[int, int], object] = lambda _, __: None,
) -> Rekeyed:
    """Replace a store's identifier key: all in one transaction, or nothing.

    Every identifier that can be read, of a person or formerly of one, goes on in a stream that the
    new key names. Those of erased persons can't be read, so their streams keep names that nobody
    can derive once the old key is gone. Commands wait meanwhile. Each process that has the store
    open with the old key gets IdentifierKeyOutdated from then on.

    Args:
        store: whose key.
        key: the new one, 16 to 64 random bytes; by default a store that keeps its key makes one.
        dry_run: change nothing, and let commands run.
        clock: gives the time, aware of its zone.
        progress: called after each page with the position of its last event, and of the ledger's.

    Raises:
        InvalidValue: the key can't be used, the ledger had it before, none is given and the store
            does not keep its own, or a store of this kind can't replace it.
        IdentifierKeyWrong: the store's key is not the one that the ledger was written with.
        IdentifierKeyOutdated: the store was opened with a key that was replaced.
        StoreDamaged: an event can't be read.
        StoreUnavailable: the store can't be reached, or commands do not end in time.
        Conflict: it was lost to commands, each time.
    """
    if not isinstance(store, RekeyableStore):
        raise InvalidValue("store", "is of a kind that can't replace its identifier key")
    if key is None and not store.keeps_key:
        raise InvalidValue("key", "should be given: the store does not keep its own")
    new = new_identifier_key() if key is None else values.instance("key", key, bytes)
    if not SHORTEST <= len(new) <= LONGEST:
        problem = f"should have {SHORTEST} to {LONGEST} bytes, and has {len(new)}"
        raise InvalidValue("key", problem)
    if dry_run:
        with store.auditing() as audit:
            renaming = Renaming(store, audit, new, Occasion(clock(), ACTOR))
            for _ in renaming.pages(progress):
                pass
            return renaming.told(done=False)
    # A deadlock with commands leaves nothing behind.
    return tried_again(partial(replaced, store, new, clock, progress), ATTEMPTS)


def replaced(
    store: RekeyableStore,
    new: bytes,
    clock: Callable[[], datetime],
    progress: Callable[[int, int], object],
) -> Rekeyed:
    """Replace the key in one transaction; arguments as of `rekey`."""
    with store.rekeying(new) as transaction:
        renaming = Renaming(store, transaction, new, Occasion(clock(), ACTOR))
        replay = Replay(store.indexed_attributes, new, renaming.position)
        for events in renaming.pages(progress):
            place = renaming.position + 1
            recorded = [Recorded(n, event) for n, event in enumerate(events, place)]
            changes = replay.changes(recorded, transaction)
            renaming.position = replay.position = transaction.append(events, changes)[-1]
        return renaming.told(done=True)


class Renaming:
    """What a new identifier key makes necessary, read from one view of the store.

    Args:
        store: whose key it is.
        audit: shows the ledger.
        key: the new one.
        occasion: when, and who asks.

    Attributes:
        position: of the ledger's last event.
    """

    def __init__(self, store: Store, audit: Audit, key: bytes, occasion: Occasion) -> None:
        self._audit = audit
        self._old, self._new = store.identifier_key, key
        self._occasion = occasion
        self._keys = identifier_keys(audit)
        self._keys.check(self._old)
        if key_fingerprint(key) in (key_fingerprint(self._old), *self._keys.known):
            raise InvalidValue("key", "is one that the ledger has or had")
        self._identifiers = set[str]()
        self._push_tokens = self._claims = 0
        self.position = audit.last()

    def told(self, *, done: bool) -> Rekeyed:
        """Return what all pages have come to."""
        renamed = len(self._identifiers)
        fingerprint = key_fingerprint(self._new) if done else ""
        left = self._claims - renamed
        return Rekeyed(done, renamed, self._push_tokens, left, fingerprint, self.position)

    def pages(self, progress: Callable[[int, int], object]) -> Iterator[list[Event]]:
        """Yield the events to record, a page at a time; raises IdentifierKeyWrong, StoreDamaged."""
        end, position = self.position, 0
        erasing = self._erasing()
        self._keys = self._keys.draft()
        self._keys.replace(self._occasion, self._old, self._new)
        yield [*self._keys.pending]
        while page := self._audit.events(position, PAGE, end):
            position = page[-1].position
            added = {
                event.identifier: None
                for _, event in page
                if type(event) is IdentifierAdded and event.value and event.person not in erasing
            }
            registered = [e.installation for _, e in page if isinstance(e, InstallationRegistered)]
            if events := [*self._claims_on(added), *self._claims_of(registered)]:
                yield events
            progress(position, end)

    def _erasing(self) -> AbstractSet[str]:
        """Return the persons who are erased, or are to be; count the claims meanwhile."""
        found = set[str]()
        for _, stream, version, topic, _ in stored_events(self._audit):
            if topic == ErasureRequested.TOPIC:
                found.add(name_in(stream))
            elif version == 1 and category_of(stream) == IdentifierClaim.CATEGORY:
                # One that goes on under another name is not another claim.
                self._claims += topic != IdentifierClaimRenamed.TOPIC
        return found

    def _claims_on(self, identifiers: Iterable[Identifier]) -> Iterator[Event]:
        """Yield what renames the claims on identifiers that are not renamed yet."""
        claims: dict[Identifier, IdentifierClaim] = {}
        for identifier in identifiers:
            name = IdentifierClaim.name_of(identifier, self._new)
            if name not in self._identifiers:
                self._identifiers.add(name)
                claims[identifier] = IdentifierClaim.on(identifier, self._old)
        self._read(claims.values())
        for identifier, earlier in claims.items():
            if not earlier.exists:
                raise IdentifierKeyWrong
            claim = IdentifierClaim.on(identifier, self._new).draft()
            claim.rename(self._after(earlier), identifier.kind, earlier.holder, earlier)
            yield from claim.pending

    def _claims_of(self, names: Iterable[str]) -> Iterator[Event]:
        """Yield what has installations claim their addresses under the new key (R7)."""
        installations = [Installation(name) for name in names]
        self._read(installations)
        addresses = {
            (each.application, str(token)): each
            for each in installations
            if each.live
            for fact in UNIQUE_FACTS
            if (token := each.facts.get(fact)) is not None
        }
        claims = {place: PushTokenClaim.on(*place, self._old) for place in addresses}
        self._read(claims.values())
        for place, installation in addresses.items():
            if claims[place].holder == installation.name:
                claim = PushTokenClaim.on(*place, self._new).draft()
                claim.take(self._after(claims[place]), installation.name)
                self._push_tokens += 1
                yield from claim.pending

    def _read(self, aggregates: Collection[Aggregate]) -> None:
        """Fold aggregates that are new."""
        recorded = self._audit.streams({each.id: 0 for each in aggregates})
        for each in aggregates:
            each.fold(event for _, event in recorded.get(each.id, ()))

    def _after(self, aggregate: Aggregate) -> Occasion:
        """Return the occasion, no earlier than an aggregate's last event."""
        then = aggregate.modified_on or self._occasion.timestamp
        return replace(self._occasion, timestamp=max(self._occasion.timestamp, then))
