"""How fast messages go to each service."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock

from addressee.domain import InvalidValue, values

from ..ports.delivery.push import Key


class Pace:
    """Knows when an application's next batch may go, for all threads that share one `Notifier`.

    Args:
        rates: service, or application and service → most messages a second of an application.

    Raises:
        InvalidValue: a rate is not above 0.
    """

    def __init__(self, rates: Mapping[Key, float]) -> None:
        if not isinstance(rates, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidValue("rates", "should be an object")
        for key, rate in rates.items():
            place = f"rates.{key if isinstance(key, str) else '.'.join(key)}"
            checked_rate(place, rate)
        self._rates = rates
        self._lock = Lock()
        self._free_at: dict[tuple[str, str], datetime] = {}

    def wait(self, application: str, now: datetime) -> float:
        """Return for how many seconds nothing may be sent."""
        with self._lock:
            free = [at for (of, _), at in self._free_at.items() if of == application]
        return max(0.0, *((at - now).total_seconds() for at in free), 0.0)

    def take(self, application: str, service: str, count: int, now: datetime) -> None:
        """Note that so many messages go to a service now."""
        place = application, service
        rate = self._rates.get(place, self._rates.get(service))
        if rate is not None:
            with self._lock:
                begin = max(now, self._free_at.get(place, now))
                self._free_at[place] = begin + timedelta(seconds=count / rate)

    def hold(self, application: str, service: str, until: datetime) -> None:
        """Send nothing before a moment, since the service asked for that."""
        place = application, service
        with self._lock:
            self._free_at[place] = max(until, self._free_at.get(place, until))


def checked_rate(place: str, rate: object) -> float:
    """Return messages a second as they were given; raises InvalidValue unless above 0."""
    number = values.number(place, rate, 0, math.inf)
    if number == 0:
        raise InvalidValue(place, "should be above 0")
    return number
