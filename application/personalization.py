"""The commands of the product. Each is one transaction: ledger and read models, or nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, Unpack

from addressee.domain import (
    Attributes,
    DepersonalizeReason,
    DeviceCap,
    Event,
    Identity,
    Limits,
    SessionPolicy,
    Successor,
    UserIdentityInvalid,
    values,
)
from addressee.domain.times import ago

from . import commands
from .access.application_policies import Policies
from .command_methods.installations import optional_id, optional_name
from .command_methods.merges import MergeCommands
from .default_clock_and_ids import random_id, utc_now
from .execution.command_runner import Execution, groups_on
from .execution.concurrency_limit import ConcurrencyLimit
from .execution.group_commit import GroupStatistics
from .execution.subscribers import Subscribers
from .execution.tracing import TracedExecution, Tracing
from .ports.applications import Applications
from .ports.store import Store
from .unit_of_work.aggregate_cache import CACHE_BYTES, AggregateCache
from .unit_of_work.command_context import Context
from .unit_of_work.results import Depersonalized, Personalized
from .unit_of_work.unit_of_work import Rules

E = TypeVar("E", bound=Event)

MOST_ATTEMPTS = 10_000
"""How often a command may be tried at most."""
MOST_CACHED = 1 << 40
"""Largest limit of the cache, in bytes."""
MOST_GROUPED = 1000
"""How many commands of concurrent callers may share a transaction at most."""
EXPIRY_BATCH = 500
"""How many idle installations are looked up at once."""


class Personalization(MergeCommands):
    """Knows who is logged in on which device.

    Every command also takes the keys of `Context`: ``actor``, ``correlation_id`` and
    ``idempotency_key``; and any of them may raise InvalidValue or LimitExceeded for an argument,
    Conflict for a race lost too often, StoreUnavailable for a store that does not answer. After any
    error nothing was recorded.

    Args:
        store: where ledger and read models are; an adapter's.
        applications: the mobile apps whose policies count; by default those of the store. They are
            read at most once a second.
        sessions: application code → session policy, in place of the mobile apps' own (R26).
        device_caps: application code → device cap, in place of the mobile apps' own.
        limits: application code → limits, in place of the mobile apps' own (R44, R57).
        strict: whether `register` and `define_segment` refuse applications that are not configured.
        successor: who inherits the primary flag when its installation leaves (R24).
        clock: gives the time, aware of its zone.
        ids: makes the ids of installations and persons.
        logger: receives the failures of subscribers.
        attempts: how often a command is tried before a lost race is given up (R32).
        cache_bytes: most bytes of persons, installations and claims that stay in memory as last
            seen; commands read the events since then, so nothing is stale.
        clock_ahead: how far ahead of the clock the ``at`` of a command may be (R48).
        group: how many commands of concurrent callers share a transaction at most; 1: each has its
            own, as it has on an asynchronous engine.
        transactions: how many transactions of commands run at once at most, so that queries find a
            connection; None for no bound.
        tracing: records a span of each command and each transaction; None records none.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, every part with a default
        self,
        store: Store,
        *,
        applications: Applications | None = None,
        sessions: Mapping[str, SessionPolicy] | None = None,
        device_caps: Mapping[str, DeviceCap] | None = None,
        limits: Mapping[str, Limits] | None = None,
        strict: bool = False,
        successor: Successor = "none",
        clock: Callable[[], datetime] = utc_now,
        ids: Callable[[], str] = random_id,
        logger: logging.Logger | None = None,
        attempts: int = 100,
        cache_bytes: int = CACHE_BYTES,
        clock_ahead: timedelta = timedelta(minutes=5),
        group: int = 64,
        transactions: int | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        values.choice("successor", successor, Successor)
        values.instance("clock_ahead", clock_ahead, timedelta)
        values.whole("attempts", attempts, 1, MOST_ATTEMPTS)
        values.whole("cache_bytes", cache_bytes, 0, MOST_CACHED)
        values.whole("group", group, 1, MOST_GROUPED)
        if transactions is not None:
            values.whole("transactions", transactions, 1, MOST_GROUPED)
        self._store = store
        self._clock = clock
        self._subscribers = Subscribers(logger or logging.getLogger("addressee"))
        elsewhere = None if applications is store.applications else applications
        self.policies = Policies(
            elsewhere, sessions, device_caps, limits, values.flag("strict", strict)
        )
        rules, seen = Rules(successor, ids, self.policies), AggregateCache(cache_bytes)
        made = Execution if tracing is None else partial(TracedExecution, tracing=tracing)
        super().__init__(
            made(
                store,
                rules,
                self._subscribers,
                clock,
                attempts,
                seen,
                clock_ahead,
                ConcurrencyLimit(transactions),
                groups_on(store, group),
            )
        )

    @property
    def groups(self) -> GroupStatistics:
        """What transactions that concurrent callers share have done so far in this process."""
        groups = self.execution.groups
        return groups.statistics if groups is not None else GroupStatistics()

    def subscribe(self, event: type[E], handler: Callable[[E], object]) -> None:
        """Call ``handler`` with every event of a type that commands of this object commit.

        After the commit, in ledger order, from any thread. A handler that raises is reported to the
        logger and undoes nothing. An event on several streams comes once.
        """
        self._subscribers.subscribe(event, handler)

    def personalize(  # noqa: PLR0913, PLR0917 # the signature is the product's contract
        self,
        installation: str,
        identity: Identity,
        attributes: Attributes | None = None,
        tags: Iterable[str] | None = None,
        force_depersonalize: bool = False,  # noqa: FBT001, FBT002 # the contract's signature
        keep_as_lead: bool = False,  # noqa: FBT001, FBT002 # the contract's signature
        set_primary: bool = False,  # noqa: FBT001, FBT002 # the contract's signature
        *,
        of: str | None = None,
        **context: Unpack[Context],
    ) -> Personalized:
        """Bind an installation to the person that an identity names (R10 to R17).

        Args:
            installation: its id.
            identity: who signs in; identifiers that nobody holds become the person's.
            attributes: overwrite the person's; None for a value removes it.
            tags: if given, replace the person's.
            force_depersonalize: take the installation from another person who is signed in.
            keep_as_lead: do not make a lead a customer.
            set_primary: make the installation the person's primary one in its application.
            of: the external id of the only person that the caller may act for: the identity has to
                have it, and identifiers that another person holds are refused (R55).

        Returns:
            The outcome, the person, the person who lost the installation if any, and the position.

        Raises:
            UserIdentityInvalid: the identity names nobody.
            NoRegistration: the installation is unknown or expired.
            AmbiguousPersonalizeCandidates: the identifiers belong to several persons.
            PersonalizationImpossible: it is another person's, and force is false.
            UserMergeInterrupted: the person has another external id; or, with ``of``, another
                person holds one of the identifiers.
            OtherPerson: the identity is not that of the only person whom the caller may act for.
            DeviceLimitReached: the person has as many installations as the application allows.
        """
        command = commands.Personalize(
            values.identifier("installation", installation),
            values.instance("identity", identity, Identity),
            values.attributes("attributes", attributes, values.PERSON_ATTRIBUTE_LIMITS),
            None if tags is None else values.tags("tags", tags),
            force=values.flag("force_depersonalize", force_depersonalize),
            keep_as_lead=values.flag("keep_as_lead", keep_as_lead),
            set_primary=values.flag("set_primary", set_primary),
            of=optional_name("of", of),
        )
        if not identity:
            raise UserIdentityInvalid
        return self.run(command, context)

    def depersonalize(
        self,
        installation: str,
        *,
        of: str | None = None,
        by: str | None = None,
        reason: DepersonalizeReason | None = None,
        **context: Unpack[Context],
    ) -> Depersonalized:
        """Unbind an installation; when this has returned, nothing of the person reaches it (R19).

        Args:
            installation: its id.
            of: external id or id of the person who is meant; where another person is on it, nothing
                happens and the outcome is ``superseded`` (R43).
            by: the sending installation; another one must have the same person (R21).
            reason: what is recorded; ``logout`` by default, ``remote`` for another installation.

        Raises:
            NoRegistration: it is unknown or expired.
            Forbidden: the installation that sends it belongs to another person.
        """
        name, caller = values.identifier("installation", installation), optional_id("by", by)
        usual = "logout" if caller in (None, name) else "remote"
        why = values.choice("reason", reason or usual, DepersonalizeReason)
        meant = optional_name("of", of)
        return self.run(commands.Depersonalize(name, caller, why, meant), context)

    def expire_sessions(self, now: datetime | None = None) -> list[Depersonalized]:
        """End what nobody has used for long enough; a scheduler calls this (R26, R54).

        Installations expire after their application's ``expire_after``, those that nobody is signed
        in on after its ``expire_anonymous_after``, and every other one whose session has expired is
        unbound. Several processes may run it at once: each reads again within the transaction.

        Args:
            now: the time to judge by, aware of its zone; the clock's by default.

        Returns:
            One answer an installation that has expired or was unbound.
        """
        ended: list[Depersonalized] = []
        at = values.moment("now", now or self._clock())
        with self._store.reading() as reader:
            retentions = dict(self.policies.retentions(reader))
            policies = dict(self.policies.session_policies(reader))
        expire_anonymous = partial(commands.ExpireInactive, anonymous=True)
        for application, kept in retentions.items():
            ended += self._end_idle(application, at, kept.expire_after, commands.ExpireInactive)
            time = kept.expire_anonymous_after
            ended += self._end_idle(application, at, time, expire_anonymous, anonymous=True)
        for application, policy in policies.items():
            ended += self._end_idle(application, at, policy.idle, commands.EndSession)
        return ended

    def _end_idle(
        self,
        application: str,
        now: datetime,
        time: timedelta | None,
        command: Callable[[str, datetime], commands.Command[Depersonalized]],
        *,
        anonymous: bool = False,
    ) -> list[Depersonalized]:
        if time is None:
            return []
        ended: list[Depersonalized] = []
        before, skipped = ago(now, time), EXPIRY_BATCH
        while skipped == EXPIRY_BATCH:
            with self._store.writing() as transaction:
                skipped = transaction.skip_touched(
                    application, before, EXPIRY_BATCH, anonymous=anonymous
                )
        # Those that look idle and are not, as where earlier code wrote their rows: others follow.
        kept: set[str] = set()
        while True:
            limit = EXPIRY_BATCH + len(kept)
            with self._store.reading() as reader:
                names = reader.idle(application, before, limit, anonymous=anonymous)
            for name in names:
                if name in kept:
                    continue
                answer = self.run(command(name, before), {})
                if answer.outcome == "unchanged":
                    kept.add(name)
                else:
                    ended.append(answer)
            if len(names) < limit:
                return ended
