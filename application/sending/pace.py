"""How fast messages go to each service."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from addressee.domain import InvalidValue, values


class Pace:
    """Knows when an application's next batch may go, for the batches of one `Notifier`.

    Args:
        rates: service → most messages a second, for each application.

    Raises:
        InvalidValue: a rate is not above 0.
    """

    def __init__(self, rates: Mapping[str, float]) -> None:
        if not isinstance(rates, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidValue("rates", "should be an object")
        for service, rate in rates.items():
            if values.number(f"rates.{service}", rate, 0, math.inf) == 0:
                raise InvalidValue(f"rates.{service}", "should be above 0")
        self._rates = rates
        self._free_at: dict[tuple[str, str], datetime] = {}

    def wait(self, application: str, now: datetime) -> float:
        """Return for how many seconds nothing may be sent."""
        free = (at for (of, _), at in self._free_at.items() if of == application)
        return max(0.0, *((at - now).total_seconds() for at in free), 0.0)

    def sent(self, application: str, service: str, count: int, now: datetime) -> None:
        """Note that so many messages went to a service."""
        if (rate := self._rates.get(service)) is not None:
            place = application, service
            begin = max(now, self._free_at.get(place, now))
            self._free_at[place] = begin + timedelta(seconds=count / rate)

    def hold(self, application: str, service: str, until: datetime) -> None:
        """Send nothing before a moment, since the service asked for that."""
        place = application, service
        self._free_at[place] = max(until, self._free_at.get(place, until))
