"""Targeting: from an audience to the installations that a push reaches (R33 to R35)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from addressee.domain import (
    Expression,
    NoRegistration,
    Term,
    UnknownApplication,
    as_expression,
    values,
)
from addressee.domain.audiences.index_terms import ALL, REACHABLE

from .audiences.cost_estimate import TargetingPlan
from .audiences.evaluation import Plan, plan
from .audiences.explanation import Explanation, explain
from .ports.records import Recipient
from .ports.store import Viewable
from .ports.views import View
from .read_models.as_of import Moment, Past

T = TypeVar("T")

PAGE = 10_000
"""How many ids are fetched within one view of the store; a slow consumer holds none open."""


class Targeting:
    """Answers which installations of an application an audience reaches, exactly (R19, R34).

    An audience is an expression as text, ``tag:vip and not os:ios and primary``, or built from
    Python operators. Attributes, ``attr.plan:gold``, can be queried where the store indexes them;
    else InvalidValue. A saved segment, ``segment:churn-risk``, stands for its expression; else
    UnknownSegment. An audience is evaluated over live installations with both push flags on; with
    ``include_disabled`` over all live ones. Every call may raise ExpressionInvalid for an
    expression that can't be read, and StoreUnavailable for a store that does not answer.

    Args:
        store: where the index is; an adapter's.
        strict: whether queries of applications that are not configured raise UnknownApplication,
            which costs a round trip; by default they find nothing.
    """

    def __init__(self, store: Viewable, *, strict: bool = False) -> None:
        self._store = store
        self._strict = strict

    def as_of(self, moment: Moment, progress: Callable[[int], object] = lambda _: None) -> Self:
        """Return a `Targeting` that answers every query as of a moment in the past (R35).

        Arguments and errors as for `Past`, which folds the ledger once, here. Each other
        moment needs another fold; many queries about one moment need one.
        """
        return type(self)(Past(self._store, moment, progress), strict=self._strict)

    def targets(
        self,
        application: str,
        expression: str | Expression,
        *,
        include_disabled: bool = False,
        after: str | None = None,
    ) -> Iterator[str]:
        """Yield the ids of the installations an audience reaches, in registration order (R35).

        Memory is bounded: pages of 10,000 are read as they are consumed, each from the store as of
        that time. Installations registered meanwhile come at the end.

        Args:
            application: its application code.
            expression: the audience.
            include_disabled: also those with a push flag off.
            after: resume after this id, the last one of an earlier call.

        Raises:
            NoRegistration: ``after`` is no installation of the application.
        """
        paged = self._paged(application, expression, include_disabled=include_disabled)
        start = self._start(application, after)
        return (name for _, names in paged.pages(start, names_of) for name in names)

    def recipients(
        self,
        application: str,
        expression: str | Expression,
        *,
        include_disabled: bool = False,
        after: str | None = None,
    ) -> Recipients:
        """Return what `targets` yields, each with person, push service and address (R38).

        Installations without an address are left out, and counted in ``without_address``. Order,
        memory, arguments and errors as for `targets`; person and address of an installation are
        those of the moment in which its page was read. Addresses are personal data.
        """
        paged = self._paged(application, expression, include_disabled=include_disabled)
        return Recipients(paged, self._start(application, after))

    def count(
        self,
        application: str,
        expression: str | Expression,
        *,
        include_disabled: bool = False,
    ) -> int:
        """Return how many installations an audience reaches; arguments as for `targets`."""
        self._check(application)
        audience = as_expression(expression)
        with self._store.reading() as reader:
            planned = self._plan(reader, application, audience, include_disabled=include_disabled)
            return planned.count()

    def preview(
        self,
        application: str,
        expression: str | Expression,
        n: int = 10,
        *,
        include_disabled: bool = False,
    ) -> list[str]:
        """Return the first ``n`` installations that an audience reaches, as `targets` gives them.

        Raises:
            InvalidValue: ``n`` is not 0 to 10,000.
        """
        values.whole("n", n, 0, PAGE)
        self._check(application)
        audience = as_expression(expression)
        with self._store.reading() as reader:
            found = first_hits(
                self._plan(reader, application, audience, include_disabled=include_disabled), 0, n
            )
            return list(reader.names(found))

    def explain(
        self,
        application: str,
        expression: str | Expression,
        *,
        installation: str,
        include_disabled: bool = False,
    ) -> Explanation:
        """Say why an audience does or does not reach an installation, term by term (R35).

        Raises:
            NoRegistration: the installation was never registered in the application.
        """
        self._check(application)
        audience = as_expression(expression)
        with self._store.reading() as reader:
            return explain(
                self._store,
                reader,
                application,
                audience,
                installation,
                include_disabled=include_disabled,
            )

    def plan(
        self,
        application: str,
        expression: str | Expression,
        *,
        include_disabled: bool = False,
    ) -> TargetingPlan:
        """Return the order in which an audience is evaluated; arguments as for `targets`."""
        self._check(application)
        audience = as_expression(expression)
        with self._store.reading() as reader:
            planned = self._plan(reader, application, audience, include_disabled=include_disabled)
            estimate = planned.estimate
            return TargetingPlan(
                estimate.steps(planned.conjuncts),
                tuple(sorted(estimate.occupied(planned.conjuncts))),
                len(estimate.occupied(estimate.universe)),
            )

    def segments(self, application: str) -> dict[str, str]:
        """Return name → expression of the segments that are defined, by name."""
        self._check(application)
        with self._store.reading() as reader:
            return dict(sorted(reader.segments(application).items()))

    def _check(self, application: str) -> None:
        """Raise InvalidValue for what can't be an application, UnknownApplication if strict."""
        code = values.identifier("application", application)
        if self._strict and self._store.applications.get(code) is None:
            raise UnknownApplication(code)

    def _plan(
        self, reader: View, application: str, audience: Expression, *, include_disabled: bool
    ) -> Plan:
        universe = universe_of(include_disabled=include_disabled)
        return plan(self._store, reader, application, audience, universe)

    def _paged(
        self, application: str, expression: str | Expression, *, include_disabled: bool
    ) -> PagedAudience:
        self._check(application)
        universe = universe_of(include_disabled=include_disabled)
        return PagedAudience(self._store, application, as_expression(expression), universe)

    def _start(self, application: str, after: str | None) -> int:
        """Return the first ordinal that counts, behind an installation's; raises NoRegistration."""
        if after is None:
            return 0
        name = values.identifier("after", after)
        with self._store.reading() as reader:
            ordinals = reader.ordinals(application, {name})
        if name not in ordinals:
            raise NoRegistration(name)
        return ordinals[name] + 1


@dataclass(frozen=True, slots=True)
class PagedAudience:
    """An audience that is read page by page, each from the store as it is then."""

    store: Viewable
    application: str
    audience: Expression
    universe: Term

    def pages(
        self, start: int, read: Callable[[View, Sequence[int]], Collection[T]]
    ) -> Iterator[tuple[Sequence[int], Collection[T]]]:
        """Yield hits from an ordinal on, each page with what ``read`` returns in the same view."""
        while True:
            with self.store.reading() as reader:
                planned = plan(self.store, reader, self.application, self.audience, self.universe)
                found = first_hits(planned, start, PAGE)
                rows = read(reader, found)
            yield found, rows
            if len(found) < PAGE:
                return
            start = found[-1] + 1


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
        for hits, found in audience.pages(start, recipients_of):
            self.without_address += len(hits) - len(found)
            yield from found


def names_of(reader: View, ordinals: Sequence[int]) -> Sequence[str]:
    """Return the ids of installations."""
    return reader.names(ordinals)


def recipients_of(reader: View, ordinals: Sequence[int]) -> Collection[Recipient]:
    """Return installations with their addresses."""
    return reader.recipients(ordinals)


def universe_of(*, include_disabled: bool) -> Term:
    """Return the term that every hit has (R34)."""
    return Term(ALL if include_disabled else REACHABLE)


def first_hits(planned: Plan, start: int, n: int) -> list[int]:
    """Return the first ``n`` ordinals from ``start`` on, reading no further than needed."""
    found: list[int] = []
    if n == 0:
        return found
    for hits in planned.hits(start):
        first = hits.rank(start - 1) if start else 0
        found += hits[first : first + n - len(found)]
        if len(found) >= n:
            break
    return found
