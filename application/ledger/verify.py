"""Proof that ledger and read models are whole, or the differences (R37)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from addressee.domain import StoreDamaged, key_fingerprint

from ..ports.audit_views import Audit
from ..ports.keys import SealedStore
from ..ports.records import InstallationRow
from ..ports.store import AuditableStore
from ..ports.transaction_views import SHARD_BITS
from ..read_models.claim_names import check_key
from ..read_models.in_memory import ReadModels
from ..read_models.ledger_page_end import whole_page
from ..read_models.replay import Replay
from .erasures_to_repeat import BegunErasures, forgotten_erasures, forgotten_installations
from .event_consistency import Consistency, Difference, Versions
from .index_check import posting_differences
from .past_check import PastCheck
from .seal_check import BrokenSeal, broken_seals

PAGE = 1_000
"""How many events are folded at once."""
FORGOTTEN = "the keys are destroyed and no erasure is recorded: rebuild, and erase the {} again"
INTERRUPTED = "the erasure has begun and is not done: erase the {} again"
NAMED = 10
"""How many events out of range are named."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check has found.

    Attributes:
        events: how many were read.
        position: of the last of them.
        skipped: positions up to it that have no event. A database with several writers leaves one
            out where a transaction was rolled back; where there is one writer, none is left out.
        sealed: the position up to which the ledger is sealed; 0 where it is not.
        unread: events that were not interpreted, and so not compared with the read models, because
            the store is sealed and was opened without keys; 0 otherwise.
        differences: what is wrong, if anything.
    """

    events: int
    position: int
    skipped: int
    sealed: int
    unread: int
    differences: tuple[Difference, ...]


def verify(
    store: AuditableStore,
    *,
    progress: Callable[[int, int], object] = lambda _, __: None,
    page: int = PAGE,
) -> Verification:
    """Fold the whole ledger, and compare what read models should hold with what they do.

    It sees one moment, and commands may run meanwhile. The rebuilt read models are in memory, with
    what it compares of each stream: some 8 kB for each installation that a person is signed in on.
    Of a sealed store without its keys it checks what can be read: positions, the versions of
    streams, and seals.

    Args:
        store: whose.
        progress: called after each page with the position of its last event, and of the ledger's.
        page: how many events are folded at once.

    Raises:
        IdentifierKeyOutdated: the identifier key was replaced since the store was opened.
        StoreUnavailable: the store can't be reached.
    """
    if isinstance(store, SealedStore) and store.sealed_as is not None and store.keys is None:
        return verify_stored(store, progress, page)
    forgotten = [*erasures("person", FORGOTTEN, forgotten_erasures(store))]
    forgotten += erasures("installation", FORGOTTEN, forgotten_installations(store))
    with store.auditing() as audit:
        refuse_old_key(audit, store)
        found = [*rows_out_of_range(audit)]
        ledger = Ledger(audit, store)
        last = audit.last()
        try:
            while ledger.take(page):
                progress(ledger.replay.position, last)
        except StoreDamaged as damage:
            # Without that event the right read models are unknown.
            found += [*ledger.consistency.differences(), Difference("ledger", "", str(damage))]
        else:
            found += ledger.consistency.differences()
            found += differences(ledger.rebuilt, audit)
            ledger.past.end(ledger.rebuilt)
            found += ledger.past.found
        sealed, broken = broken_seals(audit, key_fingerprint(store.identifier_key), page)
    found += map(broken_seal, broken)
    found += forgotten
    found += interrupted(ledger.begun)
    position = ledger.replay.position
    skipped = position - ledger.events
    return Verification(ledger.events, position, skipped, sealed, 0, tuple(found))


def verify_stored(
    store: AuditableStore, progress: Callable[[int, int], object], page: int
) -> Verification:
    """Check a ledger as it is stored, without interpreting it; arguments as for `verify`."""
    versions, begun, events, position = Versions(), BegunErasures(), 0, 0
    with store.auditing() as audit:
        refuse_old_key(audit, store)
        found, last = [*rows_out_of_range(audit)], audit.last()
        while rows := audit.stored(position, page):
            found += versions.unexpected((r.stream, r.version, r.position) for r in rows)
            for row in rows:
                begun.add(row.stream, row.topic)
            events, position = events + len(rows), rows[-1].position
            progress(position, last)
        sealed, broken = broken_seals(audit, key_fingerprint(store.identifier_key), page)
    found += map(broken_seal, broken)
    found += interrupted(begun)
    return Verification(events, position, position - events, sealed, events, tuple(found))


def interrupted(begun: BegunErasures) -> Iterator[Difference]:
    """Yield the erasures that have begun and are not done."""
    yield from erasures("person", INTERRUPTED, begun.persons())
    yield from erasures("installation", INTERRUPTED, begun.installations())


def erasures(place: str, problem: str, names: Iterable[str]) -> Iterator[Difference]:
    """Yield a problem of the erasures of persons, or of installations."""
    return (Difference(place, name, problem.format(place)) for name in names)


def refuse_old_key(audit: Audit, store: AuditableStore) -> None:
    """Raise IdentifierKeyOutdated if the store's key was replaced, as far as that can be read."""
    with suppress(StoreDamaged):
        check_key(audit, store.identifier_key)


def broken_seal(broken: BrokenSeal) -> Difference:
    """Return a seal that does not hold as a difference."""
    seal, problem = broken
    return Difference("seal", f"{seal.number}, positions {seal.first} to {seal.last}", problem)


def rows_out_of_range(audit: Audit) -> Iterator[Difference]:
    """Yield events before the first position: reading in order never meets them (R58)."""
    for event in audit.stored(None, NAMED, 0):
        yield Difference("ledger", f"position {event.position}", "positions begin with 1")


class Ledger:
    """A ledger that is read once, from its start.

    Args:
        audit: shows it.
        store: whose it is.

    Attributes:
        replay: folds it.
        rebuilt: the read models as the ledger has them.
        consistency: what its events agree on.
        begun: whose erasure has begun.
        past: what the store remembers of its past.
        events: how many were read.
    """

    def __init__(self, audit: Audit, store: AuditableStore) -> None:
        self.replay = Replay(store.indexed_attributes, store.identifier_key)
        self.rebuilt = ReadModels()
        self.consistency = Consistency(store.identifier_key)
        self.begun = BegunErasures()
        self.past = PastCheck(audit)
        self.events = 0
        self._audit = audit

    def take(self, limit: int) -> int:
        """Read the next events; return how many they were.

        Raises:
            StoreDamaged: one of them can't be read, or no command recorded them in this order.
        """
        after = self.replay.position
        read, stop = self._audit.events, self.past.stop
        page = whole_page(read, after, limit, stop) if stop is not None and stop > after else ()
        # What is left at the end has lost its other half; it shows as a difference.
        page = page or whole_page(read, after, limit) or read(after, limit)
        try:
            for recorded in page:
                self.consistency.add(recorded)
                self.past.add(recorded)
                self.begun.add(recorded.event.originator_id, recorded.event.TOPIC)
            self.rebuilt.apply(self.replay.changes(page, self._audit))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            problem = f"events after position {after} can't follow each other"
            raise StoreDamaged(f"{problem}: {type(error).__name__}") from None
        self.events += len(page)
        self.past.compare(self.replay.position, self.rebuilt)
        return len(page)


def differences(expected: ReadModels, live: Audit) -> Iterator[Difference]:
    """Yield where live read models are not as they should be."""
    should = {row.installation: row for row in expected.rows()}
    rows = {row.installation: row for row in live.rows()}
    for name in sorted(should.keys() | rows.keys()):
        if name not in rows or name not in should:
            problem = "has no row" if name in should else "has a row and was never registered"
            yield Difference("installation", name, problem)
            continue
        for problem in row_problems(should[name], rows[name]):
            yield Difference("installation", name, problem)
    claims, held = dict(expected.claims()), dict(live.claims())
    for claim in sorted(claims.keys() | held.keys()):
        right, wrong = claims.get(claim), held.get(claim)
        if right != wrong:
            problem = f"is held by {wrong or 'nobody'}, the ledger says {right or 'nobody'}"
            yield Difference("holder", claim, problem)
    for application in sorted({row.application for row in should.values()}):
        yield from segment_differences(application, expected, live)
    ordinals = {row.ordinal: row.installation for row in rows.values()}
    terms = {*expected.terms()}
    written = {(application, live.written(term)) for application, term in terms}
    for application, term in sorted(terms | ({*live.terms()} - written)):
        yield from term_differences(application, term, expected, live, ordinals)


def row_problems(should: InstallationRow, row: InstallationRow) -> Iterator[str]:
    """Yield what is wrong with the row of an installation."""
    columns = ("application", "person", "bound_at")
    for column in columns if row.flags is None else (*columns, "flags"):
        right, wrong = getattr(should, column), getattr(row, column)
        if right != wrong:
            yield f"{column} is {wrong}, the ledger says {right}"
    if row.flags is not None:
        for column, right, time in (
            ("idle_from", should.bound_at, row.idle_from),
            ("anonymous_from", should.anonymous_from, row.anonymous_from),
        ):  # the search for what is idle moves them on to the last touch
            if right != time and (right is None or time is None or time < right):
                yield f"{column} is {time}, the ledger says {right}"
    if should.address != row.address:  # personal data, so the value is not named
        yield "address is not what the ledger says"


def segment_differences(
    application: str, expected: ReadModels, live: Audit
) -> Iterator[Difference]:
    """Yield the segments of an application that have another expression."""
    right, wrong = expected.segments(application), live.segments(application)
    for name in sorted(right.keys() | wrong.keys()):
        if right.get(name) != wrong.get(name):
            problem = "does not have the expression that the ledger says"
            yield Difference("segment", f"{application} {name}", problem)


def term_differences(
    application: str, term: str, expected: ReadModels, live: Audit, ordinals: dict[int, str]
) -> Iterator[Difference]:
    """Yield what is wrong with the postings of a term; ``ordinals`` names the live ones."""
    everything = range((max(ordinals, default=0) >> SHARD_BITS) + 1)
    place = f"{application} {term}"
    try:
        found = live.postings(application, {term}, everything).get(term, ())
    except StoreDamaged as damage:
        yield Difference("term", place, str(damage))
        return
    has = {ordinals.get(ordinal, f"ordinal {ordinal}") for ordinal in found}
    hits = expected.postings(application, {term}, everything).get(term, ())
    should = set(expected.names(list(hits)))
    yield from posting_differences(place, should, has, ("lacks", "should not have"))
