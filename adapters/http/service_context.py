"""The objects that all routes of one application share."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from addressee.application import (
    Applications,
    Configured,
    History,
    Personalization,
    Policies,
    Profiles,
    Scope,
    Store,
)
from addressee.application.defaults import random_id, utc_now
from addressee.domain import MobileApp, SessionPolicy

from .messages.error_responses import Refused
from .security.authentication import Backend, Device, backend, device


class ServiceContext:
    """Commands and queries on one store, under the policies of its applications.

    Args:
        store: holds the ledger and its read models.
        applications: the applications and API keys that are accepted, with their policies.
        clock: returns the current time, with its time zone.
        ids: returns a new id for an installation or a person.
        logger: receives failures.
    """

    def __init__(
        self,
        store: Store,
        applications: Applications,
        *,
        clock: Callable[[], datetime] = utc_now,
        ids: Callable[[], str] = random_id,
        logger: logging.Logger | None = None,
    ) -> None:
        self.store = store
        self.logger = logger or logging.getLogger("addressee")
        self.ids = ids
        self.configured = Configured(applications)
        self.people = Personalization(
            store,
            sessions=Policies[SessionPolicy](self.configured, lambda each: each.sessions),
            device_caps=Policies(self.configured, lambda each: each.cap),
            clock=clock,
            ids=ids,
            logger=self.logger,
        )
        self.history = History(store)
        self.profiles = Profiles(store, self.people)
        self.rates = Rates()

    def device(self, authorization: str | None) -> Device:
        """Return the calling application and count the request; raises Refused."""
        caller = device(self.configured, authorization)
        self.rates.take(caller.application)
        return caller

    def backend(self, authorization: str | None, scope: Scope = "backend") -> Backend:
        """Return the calling backend and count the request; raises Refused."""
        caller = backend(self.configured, authorization, scope)
        self.rates.take(caller.application)
        return caller


@dataclass(slots=True)
class Rates:
    """Limits requests per second and application in this process (a token bucket)."""

    timer: Callable[[], float] = time.monotonic
    _lock: Lock = field(default_factory=Lock)
    _left: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])

    def take(self, application: MobileApp) -> None:
        """Count one request; raises Refused when the application is over its rate."""
        limit = application.rate_limit
        if limit is None:
            return
        now = self.timer()
        with self._lock:
            left, since = self._left.get(application.code, (float(limit), now))
            left = min(limit, left + (now - since) * limit)
            if left >= 1:
                self._left[application.code] = left - 1, now
                return
            self._left[application.code] = left, now
        raise Refused(429, "TOO_MANY_REQUESTS", f"more than {limit} requests a second")
