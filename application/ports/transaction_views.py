"""A store as one transaction sees it, from a look at the past to a write."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol, runtime_checkable

from pyroaring import BitMap

from addressee.domain import Event, MobileApp

from .read_model_changes import Changes
from .records import Mark, Recipient, Recorded, Trace

SHARD_BITS = 16
"""An ordinal's shard is its number without the last 16 bits."""


class View(Protocol):
    """Show ledger and read models as they were at one moment."""

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → its events after a version, in order, without streams that have none.

        Args:
            after: stream → the known version; 0 for the whole stream.
        """
        ...

    def events(self, after: int, limit: int, last: int | None = None) -> Sequence[Recorded]:
        """Return events of all streams in ledger order: all that this moment shows, and no others.

        Events with lower positions can appear at a later moment, up to `Viewable.settled`: a
        follower asks for that position first, and reads up to there.

        Args:
            after: the position after which they are.
            limit: how many at most.
            last: the last position that counts; by default all do.
        """
        ...

    def bound(self, application: str, claims: AbstractSet[str]) -> Mapping[str, BitMap]:
        """Return claim stream → ordinals of the installations of the identifier's holder.

        Args:
            application: where the installations are.
            claims: streams; those that lead nowhere may be left out of what comes back.
        """
        ...

    def ordinals(
        self, application: str | None, installations: AbstractSet[str]
    ) -> Mapping[str, int]:
        """Return installation → ordinal, expired ones too.

        Args:
            application: those of others are left out; None takes all.
            installations: their ids; those that were never registered are left out.
        """
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
            shards: the run; the same few runs recur.

        Returns:
            Bitmaps, which the caller must not change.
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

    def recipients(self, ordinals: Sequence[int]) -> Collection[Recipient]:
        """Return those of the installations that have an address, in the same order (R38)."""
        ...


@runtime_checkable
class RememberingView(View, Protocol):
    """Show states of the audience index that are over, too."""

    def marks(self, position: int, settled: int) -> tuple[Mark, Mark | None] | None:
        """Return the last mark before a position, and the first one after it, if there is one.

        Args:
            position: of the ledger.
            settled: `Viewable.settled` from before the view was opened; the marks show no event
                after it.

        Returns:
            None if the store does not remember its index from the first event on.
        """
        ...

    def shards_at(
        self, mark: Mark, application: str, terms: AbstractSet[str]
    ) -> Mapping[str, Mapping[int, int]]:
        """Return what `View.shards` would have returned at a mark."""
        ...

    def postings_at(
        self, mark: Mark, application: str, terms: AbstractSet[str], shards: range
    ) -> Mapping[str, BitMap]:
        """Return what `View.postings` would have returned at a mark."""
        ...

    def forgotten(self, mark: Mark) -> BitMap:
        """Return ordinals of which `postings_at` shows nothing that counts at a mark (R50).

        They had terms by data that was erased after it, or shortly before.
        """
        ...

    def traces(self, after: int, limit: int, last: int) -> Sequence[Trace]:
        """Return what `View.events` would, without states.

        Args:
            after: the position after which they are.
            limit: how many at most.
            last: the last position that counts.
        """
        ...

    def events_of(
        self, topics: Collection[str], after: int, limit: int, last: int
    ) -> Sequence[tuple[int, Event | None]]:
        """Return what `View.events` would, with None in the place of events of other topics.

        Args:
            topics: which are read.
            after: the position after which they are.
            limit: how many at most, with those of other topics.
            last: the last position that counts.
        """
        ...

    def changed(
        self, after: int, last: int, kinds: Mapping[str, Collection[str]]
    ) -> Iterable[tuple[str, int]]:
        """Return streams that have events after a position and up to another.

        Args:
            after: the one position.
            last: the other one.
            kinds: category of streams that count → topics of events in them that do not.

        Returns:
            Each stream with the lowest version of its events that count.
        """
        ...

    def segment_streams(self, application: str) -> Collection[str]:
        """Return the streams of all segments that an application ever had."""
        ...


class Reader(View, Protocol):
    """Show a store as it is, with the touches, which are in no ledger (R26)."""

    def idle(
        self, application: str, before: datetime, limit: int, *, anonymous: bool = False
    ) -> Sequence[str]:
        """Return installations that were last used at ``before`` or earlier, in no given order.

        Args:
            application: where they are.
            before: the time.
            limit: most of them.
            anonymous: those that nobody is signed in on and that have not expired, in place of
                those that somebody is signed in on. A store that an earlier release has filled
                may find none of them.
        """
        ...

    def newest(self, stream: str, limit: int, before: int) -> Sequence[Recorded]:
        """Return up to ``limit`` events of a stream before a position, the newest first."""
        ...

    def segmented(self) -> Sequence[str]:
        """Return the applications that have saved segments, in order."""
        ...

    def mobile_apps(self) -> Sequence[MobileApp]:
        """Return the mobile apps that are configured, by code."""
        ...

    def last_seen(self, installation: str) -> datetime | None:
        """Return when an installation was last used; None if it is unknown or has expired.

        That is its last touch, or the moment since which its person, or nobody, is on it.
        """
        ...


class Transaction(Reader, Protocol):
    """Change ledger and read models together: all on leaving the block, or nothing."""

    def append(self, events: Sequence[Event], changes: Changes) -> Sequence[int]:
        """Record events and bring the read models up to them; return the events' positions.

        Raises:
            Conflict: a stream has got other events since it was read.
        """
        ...

    def skip_touched(
        self, application: str, before: datetime, limit: int, *, anonymous: bool = False
    ) -> int:
        """Have `idle` no longer look at installations that were touched after ``before``.

        A store that looks at all of them anyway does nothing. Arguments as of `idle`.

        Returns:
            How many it was, at most ``limit``; the call is to be repeated while it is that many.
        """
        ...

    def conclude(
        self, events: Sequence[Event], changes: Changes, sessions: Mapping[str, datetime]
    ) -> Sequence[int]:
        """Do as `append` does, if there are events; nothing may follow, so it may commit at once.

        Args:
            events: as of `append`, or none.
            changes: as of `append`.
            sessions: installation → when its session was alive; not in the ledger (R26).

        Raises:
            Conflict: a stream has got other events since it was read.
        """
        ...
