"""Targeting: from an audience to the installations that a push reaches (R33 to R35)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Self

from addressee.domain import (
    Expression,
    ExpressionInvalid,
    LimitExceeded,
    NoRegistration,
    UnknownApplication,
    as_expression,
    values,
)
from addressee.domain.limits import DEFAULT, LEAST

from .audiences.cost_estimate import TargetingPlan
from .audiences.explanation import Explanation, explain
from .audiences.paged_audience import NAMES, PAGE, PagedAudience, Recipients
from .past.as_of import AsOf
from .past.past_view_by_folding import Horizon, Moment, Past
from .ports.applications import Applications
from .ports.store import CachingStore, LookupStore, Viewable


class Targeting:
    """Answers which installations of an application an audience reaches, exactly (R19, R34).

    An audience is an expression as text, ``tag:vip and not os:ios and primary``, or built from
    Python operators. Attributes, ``attr.plan:gold``, can be queried where the store indexes them;
    else InvalidValue. A saved segment, ``segment:churn-risk``, stands for its expression; else
    UnknownSegment. An audience is evaluated over live installations with both push flags on; with
    ``include_disabled`` over all live ones. Every call may raise ExpressionInvalid for an
    expression that can't be read, LimitExceeded for one that is larger than its application may
    query, and StoreUnavailable for a store that does not answer.

    Args:
        store: where the index is; an adapter's.
        applications: the mobile apps whose limits of expressions count; by default those of the
            store.
        strict: whether queries of applications that are not configured raise UnknownApplication,
            which costs a round trip; by default they find nothing.
    """

    def __init__(
        self, store: Viewable, *, applications: Applications | None = None, strict: bool = False
    ) -> None:
        self._store = store
        self._applications = store.applications if applications is None else applications
        self._strict = strict
        self._lookups = store if isinstance(store, LookupStore) else None
        self._caching = store if isinstance(store, CachingStore) else None

    def as_of(self, moment: Moment, progress: Callable[[int], object] = lambda _: None) -> Self:
        """Return a `Targeting` that answers every query as of a moment in the past (R35).

        Queries for one person or one installation read their streams. Others start from a state of
        the index that the store remembers; where it remembers none nearby, the first of them folds
        the ledger, and each other moment needs another fold. Arguments and errors are those of
        `Past`; ``progress`` is that of the fold.
        """

        def fold(horizon: Horizon) -> Past:
            return Past(self._store, moment, progress, horizon=horizon)

        past = AsOf(self._store, moment, fold)
        return type(self)(past, applications=self._applications, strict=self._strict)

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
        audience = self._audience(
            application, expression, include_disabled=include_disabled, after=after
        )
        start = self._start(application, after)
        return chain.from_iterable(names for _, names in audience.pages(start, NAMES))

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
        audience = self._audience(
            application, expression, include_disabled=include_disabled, after=after
        )
        return Recipients(audience, self._start(application, after))

    def count(
        self,
        application: str,
        expression: str | Expression,
        *,
        include_disabled: bool = False,
    ) -> int:
        """Return how many installations an audience reaches; arguments as for `targets`."""
        audience = self._audience(application, expression, include_disabled=include_disabled)
        return audience.count()

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
        audience = self._audience(application, expression, include_disabled=include_disabled)
        return audience.preview(n)

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
        audience = self._read(application, expression)
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
        audience = self._audience(application, expression, include_disabled=include_disabled)
        with self._store.reading() as reader:
            planned = audience.plan(reader)
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
        if self._strict and self._applications.get(code) is None:
            raise UnknownApplication(code)

    def _read(self, application: str, expression: str | Expression) -> Expression:
        """Return an audience within the limits of its application (R57)."""
        try:
            return as_expression(expression, LEAST)
        except (ExpressionInvalid, LimitExceeded):  # only then it costs a round trip to know them
            app = self._applications.get(application)
            return as_expression(expression, DEFAULT if app is None else app.limits)

    def _audience(
        self,
        application: str,
        expression: str | Expression,
        *,
        include_disabled: bool,
        after: str | None = None,
    ) -> PagedAudience:
        self._check(application)
        audience = self._read(application, expression)
        # Ordinals of the past's lookups are not those of its views, which ``after`` leads to.
        lookups = self._lookups if after is None else None
        return PagedAudience(
            self._store, lookups, self._caching, application, audience, include_disabled
        )

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
