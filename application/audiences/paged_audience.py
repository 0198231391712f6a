"""An audience over a store: counted, or read page by page, each from the store as of that time.

Most audiences are evaluated within a view of the store. One that names a person or an installation
is a lookup, which some stores answer by one statement, and so they do one whose postings they have
cached; where they can't, it is as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from addressee.domain import Expression

from ..ports.records import Found, Recipient
from ..ports.store import CachingStore, LookupStore, NotCached, Viewable
from ..ports.transaction_views import View
from .evaluation import Plan, first_hits, plan, universe_of
from .point_lookup import lookup_of

T = TypeVar("T")

PAGE = 10_000
"""How many ids are fetched within one view of the store; a slow consumer holds none open."""
ALL = 2**31 - 1
"""No store numbers more installations."""


class Reading(NamedTuple, Generic[T]):
    """What is read of the hits.

    Args:
        from_view: reads it of ordinals.
        from_lookup: takes it from what a lookup found.
        addresses: whether a lookup has to find addresses too.
    """

    from_view: Callable[[View, Sequence[int]], Collection[T]]
    from_lookup: Callable[[Sequence[Found]], Collection[T]]
    addresses: bool


def names_of(view: View, ordinals: Sequence[int]) -> Sequence[str]:
    """Return the ids of installations."""
    return view.names(ordinals)


def found_names(found: Sequence[Found]) -> Sequence[str]:
    """Return the ids of installations that a lookup found."""
    return [each.installation for each in found]


def recipients_of(view: View, ordinals: Sequence[int]) -> Collection[Recipient]:
    """Return installations with their addresses."""
    return view.recipients(ordinals)


def found_recipients(found: Sequence[Found]) -> Collection[Recipient]:
    """Return the recipients that a lookup found."""
    return [each.recipient for each in found if each.recipient is not None]


NAMES = Reading(names_of, found_names, addresses=False)
RECIPIENTS = Reading(recipients_of, found_recipients, addresses=True)


class Page(NamedTuple, Generic[T]):
    """What is read at once.

    Args:
        hits: how many there are.
        rows: what is read of them.
        following: the first ordinal behind, where there may be hits; None if there is none.
    """

    hits: int
    rows: Collection[T]
    following: int | None


@dataclass(frozen=True, slots=True)
class PagedAudience:
    """The installations of an application that an audience reaches.

    Args:
        store: where the index is.
        lookups: answers lookups; None where the store does not.
        caching: shows what it has cached; likewise.
        application: its code.
        audience: the expression.
        include_disabled: whether installations with a push flag off count too.
    """

    store: Viewable
    lookups: LookupStore | None
    caching: CachingStore | None
    application: str
    audience: Expression
    include_disabled: bool

    def plan(self, reader: View) -> Plan:
        """Return the plan of its evaluation in a view."""
        universe = universe_of(include_disabled=self.include_disabled)
        return plan(self.store, reader, self.application, self.audience, universe)

    def count(self) -> int:
        """Return how many there are."""
        if (found := self._found(0, ALL)) is not None:
            return len(found)
        return self._seen(lambda view: self.plan(view).count())

    def preview(self, n: int) -> list[str]:
        """Return the ids of the first ones."""
        return list(self._page(0, n, NAMES).rows)

    def pages(self, start: int, reading: Reading[T]) -> Iterator[tuple[int, Collection[T]]]:
        """Yield for each page how many hits it has, and what is read of them.

        Args:
            start: ordinal from which on they are wanted.
            reading: what is.
        """
        following: int | None = start
        while following is not None:
            hits, rows, following = self._page(following, PAGE, reading)
            yield hits, rows
            del rows  # so that the next page gets their memory

    def _page(self, start: int, n: int, reading: Reading[T]) -> Page[T]:
        if (found := self._found(start, n, addresses=reading.addresses)) is not None:
            following = found[-1].ordinal + 1 if found and len(found) == n else None
            return Page(len(found), reading.from_lookup(found), following)

        def read(view: View) -> Page[T]:
            # Who wants none asks whether the audience can be evaluated, and it is not.
            hits = first_hits(self.plan(view), start, n + 1 if n else 0)
            following = hits.pop() if len(hits) > n else None
            return Page(len(hits), reading.from_view(view, hits), following)

        return self._seen(read, addresses=reading.addresses)

    def _seen(self, ask: Callable[[View], T], *, addresses: bool = False) -> T:
        """Return what a view shows, of what is cached if that is enough."""
        if self.caching is not None and not addresses:
            with suppress(NotCached), self.caching.cached() as view:
                return ask(view)
        with self.store.reading() as view:
            return ask(view)

    def _found(self, first: int, n: int, *, addresses: bool = False) -> Sequence[Found] | None:
        """Return what a lookup finds; None for what is none, and where the store answers none."""
        if self.lookups is None:
            return None
        asked = lookup_of(
            self.application,
            self.audience,
            self.store.identifier_key,
            include_disabled=self.include_disabled,
        )
        if asked is None:
            return None
        return self.lookups.find(asked._replace(first=first, limit=n, addresses=addresses))


class Recipients(Iterator[Recipient]):
    """What `Targeting.recipients` returns: an iterator that counts what it leaves out.

    Attributes:
        without_address: how many installations had none, of the pages that were read so far.
    """

    def __init__(self, audience: PagedAudience, start: int) -> None:
        self.without_address = 0
        self._found = self._read(audience, start)

    def __iter__(self) -> Iterator[Recipient]:  # noqa: PYI034 # the generator is an iterator too
        """Return the generator itself, which a loop asks with one call less each time."""
        return self._found

    def __next__(self) -> Recipient:
        """Return the next one."""
        return next(self._found)

    def _read(self, audience: PagedAudience, start: int) -> Iterator[Recipient]:
        for hits, found in audience.pages(start, RECIPIENTS):
            self.without_address += hits - len(found)
            yield from found
            del found  # so that the next page gets its memory
