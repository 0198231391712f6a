"""The objects that all routes of one application share, and the bounds that they run in."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import TypeAdapter

from addressee.adapters.tokens.claims import LEEWAY, KeysWanted, TokenClock
from addressee.application import (
    Applications,
    Configured,
    History,
    Notifier,
    Personalization,
    Profiles,
    Rights,
    Scope,
    SendingStore,
    Store,
    Tracing,
)
from addressee.application.access.cached_applications import Lookup
from addressee.application.default_clock_and_ids import random_id, utc_now
from addressee.application.sending.batch_sender import Observe
from addressee.application.sending.notifier import PushRates, Transports
from addressee.domain import InvalidValue

from .load.places import Places
from .load.rates import Rates
from .messages.error_responses import UNAVAILABLE, Refused
from .messages.json_body import RequestBody
from .security.authentication import Backend, Credential, Device, backend, device
from .security.person_tokens import PersonTokens, issued_tokens
from .security.requests_awaiting_keys import KeyWaits

if TYPE_CHECKING:
    from addressee.adapters.tokens.issuer_keys import IssuerKeys

T = TypeVar("T")
Caller = TypeVar("Caller", Backend, Device)
Endpoint = Callable[..., Awaitable[Response]]
DEVICE_RATE = 500


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds on the work of one process.

    Args:
        writers: most commands that run at once; they share transactions.
        transactions: most transactions of commands at once. With queries and large requests they
            should be fewer than the database's pool has connections, or these wait for each other.
        readers: most queries that run at once.
        large: most requests with a body above 2 KiB that run at once, in place of the others: they
            take the interpreter for long, and small ones do not wait for them.
        waiting: most requests of one application and kind of caller that wait for their turn.
        patience: longest time that a request waits for its turn, in seconds.
        device_rate: most requests a second from the devices of an application that has no rate of
            its own; None for no limit.
        past_bytes: most bytes of past moments in memory (``as_of``); queries of a moment that takes
            more read it each time.
    """

    writers: int = 48
    transactions: int = 7
    readers: int = 5
    large: int = 2
    waiting: int = 200
    patience: float = 10.0
    device_rate: int | None = DEVICE_RATE
    past_bytes: int = 1 << 29

    def places(self, total: int) -> Places:
        """Return places for so many requests at once; devices have at most half of them."""
        backend, device = max(1, total * 3 // 4), max(1, total // 2)
        return Places(
            total, backend=backend, device=device, waiting=self.waiting, patience=self.patience
        )


class ServiceContext:
    """Commands and queries on one store, under the policies of its applications.

    Args:
        store: holds the ledger and its read models.
        applications: the applications and API keys that are accepted, with their policies.
        clock: returns the current time, with its time zone.
        ids: returns a new id for an installation or a person.
        logger: receives failures.
        bounds: bounds on the work of this process.
        leeway: tolerated difference of clocks for the times in tokens, in seconds (R47).
        transports: what sends pushes from this process, if it does.
        push_rates: of these transports, as for `Notifier`.
        observe: hears of their outcomes, as for `Notifier`.
        tracing: as for `Personalization`.
        issuer_keys: finds the keys of identity providers; None makes a cache of them.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, every part with a default
        self,
        store: Store,
        applications: Applications,
        *,
        clock: Callable[[], datetime] = utc_now,
        ids: Callable[[], str] = random_id,
        logger: logging.Logger | None = None,
        bounds: Bounds | None = None,
        leeway: float = LEEWAY,
        transports: Transports | None = None,
        push_rates: PushRates | None = None,
        observe: Observe | None = None,
        tracing: Tracing | None = None,
        issuer_keys: IssuerKeys | None = None,
    ) -> None:
        self.store = store
        self.bounds = bounds or Bounds()
        self.clock = clock
        self.logger = logger or logging.getLogger("addressee")
        self.ids = ids
        self.configured = Configured(applications)
        self.people = Personalization(
            store,
            applications=applications,
            clock=clock,
            ids=ids,
            logger=self.logger,
            transactions=self.bounds.transactions,
            tracing=tracing,
        )
        self._notifier = (
            Notifier(
                store,
                transports or {},
                people=self.people,
                clock=clock,
                rates=push_rates,
                logger=self.logger,
                observe=observe,
            )
            if isinstance(store, SendingStore)
            else None
        )
        self.history = History(store, self.people.execution.cache)
        self.profiles = Profiles(store, self.people)
        self.rights = Rights(store, self.people)
        self.rates = Rates()
        self.writers = self.bounds.places(self.bounds.writers)
        self.readers = self.bounds.places(self.bounds.readers)
        self.large = self.bounds.places(self.bounds.large)
        token_clock = TokenClock(clock, leeway)
        self.issued = issued_tokens(token_clock, issuer_keys, self.logger)
        self._tokens = PersonTokens(token_clock, self.issued)
        self._key_waits = KeyWaits(waiting=self.bounds.waiting, patience=self.bounds.patience)
        # Few threads of their own: callers are known even when all others wait.
        self._identifying = CapacityLimiter(2)

    @property
    def notifier(self) -> Notifier:
        """Makes and sends dispatches; raises InvalidValue where the store keeps none."""
        if self._notifier is None:
            raise InvalidValue("store", "sends no pushes")
        return self._notifier

    async def device(self, authorization: str | None) -> Device:
        """Return the calling app and count the request; raises Refused."""
        caller = await self._identify(device, authorization, self._tokens)
        rate = caller.application.rate_limit
        self.rates.take(caller.share, self.bounds.device_rate if rate is None else rate)
        return caller

    async def backend(self, authorization: str | None, scope: Scope = "backend") -> Backend:
        """Return the calling backend and count the request; raises Refused."""
        caller = await self._identify(backend, authorization, scope)
        self.rates.take(caller.share, caller.application.rate_limit)
        return caller

    def writes(self, endpoint: Callable[..., Any]) -> Endpoint:
        """Run an endpoint with a parameter ``caller`` in a thread, among the commands."""
        return bounded(partial(self.places_for, self.writers), endpoint)

    def reads(self, endpoint: Callable[..., Any]) -> Endpoint:
        """Run an endpoint with a parameter ``caller`` in a thread, among the queries."""
        return bounded(partial(self.places_for, self.readers), endpoint)

    def places_for(self, usual: Places, body: RequestBody | None) -> Places:
        """Return where a request runs: among its kind, or among those with a large body."""
        return self.large if body is not None and body.large else usual

    async def _identify(
        self,
        identify: Callable[[Lookup, str | None, T], Caller],
        authorization: str | None,
        option: T,
    ) -> Caller:
        try:
            return await self._identified(identify, authorization, option)
        except KeysWanted as wanted:
            await self._key_waits.wait(wanted)
        try:
            return await self._identified(identify, authorization, option)
        except KeysWanted as wanted:
            raise Refused(UNAVAILABLE, "ISSUER_UNAVAILABLE", str(wanted)) from None

    async def _identified(
        self,
        identify: Callable[[Lookup, str | None, T], Caller],
        authorization: str | None,
        option: T,
    ) -> Caller:
        try:
            return identify(self.configured.cached, authorization, option)
        except KeyError:
            # A flood of unknown credentials waits here, and known callers do not.
            work = partial(identify, self.configured, authorization, option)
            return await to_thread.run_sync(work, limiter=self._identifying)


def bounded(
    places_for: Callable[[RequestBody | None], Places], endpoint: Callable[..., Any]
) -> Endpoint:
    """Return an endpoint that takes a place, runs in a thread and serializes its result there."""
    signature = inspect.signature(endpoint, eval_str=True)
    returns: Any = signature.return_annotation
    result = None if returns is Response else TypeAdapter[Any](returns)

    def work(arguments: dict[str, Any]) -> Response:
        returned = endpoint(**arguments)
        if result is None:
            response: Response = returned
            return response
        return Response(result.dump_json(returned), media_type="application/json")

    @wraps(endpoint)
    async def run(**arguments: Any) -> Response:  # noqa: ANN401 # the endpoint's own
        places = places_for(arguments.get("body"))
        return await places.run(arguments["caller"].share, partial(work, arguments))

    # Resolved here: some frameworks look for the names in this module.
    run.__signature__ = signature  # type: ignore[attr-defined] # inspect knows it
    return run


async def calling_device(request: Request, authorization: Credential = None) -> Device:
    """Return the app that sends a request; raises Refused."""
    service: ServiceContext = request.app.state.service
    return await service.device(authorization)


async def calling_backend(request: Request, authorization: Credential = None) -> Backend:
    """Return the backend that sends a request; raises Refused."""
    service: ServiceContext = request.app.state.service
    return await service.backend(authorization)


async def calling_operator(request: Request, authorization: Credential = None) -> Backend:
    """Return the operator who sends a request; raises Refused."""
    service: ServiceContext = request.app.state.service
    return await service.backend(authorization, "admin")


DeviceCaller = Annotated[Device, Depends(calling_device)]
BackendCaller = Annotated[Backend, Depends(calling_backend)]
OperatorCaller = Annotated[Backend, Depends(calling_operator)]
