"""What operators do to applications, keys and the store; the ledger says who did it (R60)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from addressee.domain import Action, MobileApp, values
from addressee.domain.events import (
    KeyIssued,
    KeyRevoked,
    PolicyChanged,
    SessionsEnded,
    WorkStarted,
)

from .access.api_keys import issue_key
from .default_clock_and_ids import utc_now
from .execution.lost_race_retry import administered
from .ports.applications import Applications, Scope
from .ports.operator_actions import Administering, AdministrableStore
from .ports.store import Store
from .unit_of_work.command_context import checked_actor


class Administration:
    """Changes applications and their keys, and notes works that begin, on behalf of one actor.

    Each change and the event that tells of it are one transaction, and what changes nothing records
    nothing. A ledger without any event, or that follows another one, gets none.

    Args:
        store: whose. One of another kind than `AdministrableStore` records nothing.
        actor: the caller, as commands have it, such as ``operator:ali``.
        applications: the applications and keys, where they are not the store's: they change first,
            and the ledger says so in a transaction of its own.
        clock: gives the time, aware of its zone.

    Raises:
        InvalidValue: there are no actors of that kind.
    """

    def __init__(
        self,
        store: Store,
        actor: str = "operator",
        *,
        applications: Applications | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._actor = checked_actor(actor)
        self._applications = applications or store.applications
        self._clock = clock

    def put(self, *applications: MobileApp) -> None:
        """Add applications, each in place of the one with the same code."""

        def put(known: Applications) -> Iterator[Action]:
            for each in applications:
                before = known.get(each.code)
                known.put(each)
                if before != each:
                    settings = changed(before, each)
                    yield self._done(PolicyChanged, application=each.code, settings=settings)

        self._run(put)

    def issue_key(self, application: str, scope: Scope, *, alone: bool = False) -> str:
        """Make an API key and return it; arguments and errors as of `issue_key`."""
        made = ""

        def issue(known: Applications) -> Iterator[Action]:
            nonlocal made
            older = [each.name for each in known.keys(application) if alone and each.scope == scope]
            made = issue_key(known, application, scope, alone=alone)
            key = made.partition(".")[0]
            yield self._done(
                KeyIssued, application=application, key=key, scope=scope, replaced=older
            )

        self._run(issue)
        return made

    def revoke_key(self, name: str, *, within: str | None = None) -> bool:
        """Revoke an API key; return whether it was there.

        Args:
            name: its name.
            within: the only application that it may be of, if any.
        """
        found = False

        def revoke(known: Applications) -> Iterator[Action]:
            nonlocal found
            key = known.key(name)
            found = key is not None and within in {None, key.application} and known.remove_key(name)
            if key is not None and found:
                yield self._done(KeyRevoked, application=key.application, key=name, scope=key.scope)

        self._run(revoke)
        return found

    def end_sessions(self) -> None:
        """End all sessions of operators."""

        def end(known: Applications) -> Iterator[Action]:
            known.session_secret(renew=True)
            yield self._done(SessionsEnded)

        self._run(end)

    def start(self, work: str, parts: Sequence[str] = ()) -> None:
        """Note that a work on the store begins.

        Args:
            work: its name.
            parts: what it is confined to, if anything.
        """
        self._run(lambda _: iter([self._done(WorkStarted, work=work, parts=parts)]))

    def _done(
        self,
        kind: type[Action],
        **fields: Any,  # noqa: ANN401 # the event checks them
    ) -> Action:
        at = values.moment("at", self._clock())
        return kind(timestamp=at, actor=self._actor, **fields)

    def _run(self, change: Callable[[Applications], Iterator[Action]]) -> None:
        store, done = self._store, list[Action]()
        elsewhere = self._applications is not store.applications
        if elsewhere or not isinstance(store, AdministrableStore):
            done += change(self._applications)

        def work(transaction: Administering) -> None:
            if actions := done if elsewhere else [*change(transaction.applications)]:
                transaction.record(*actions)

        if isinstance(store, AdministrableStore):
            administered(store, work)


def changed(before: MobileApp | None, now: MobileApp) -> dict[str, Any]:
    """Return the settings that differ, as they are now; of keys for tokens their ids."""
    default = MobileApp(code=now.code) if before is None else before
    shown = now.model_dump(mode="json") | {"jwt_keys": sorted(now.jwt_keys)}
    names = type(now).model_fields
    return {name: shown[name] for name in names if getattr(default, name) != getattr(now, name)}
