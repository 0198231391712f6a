"""A bound on requests per second."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..messages.error_responses import Refused
from .share import Share


class Rates:
    """Bounds the requests per second of each share in this process (a token bucket).

    A bucket holds the requests of one second. It is used from the event loop alone.

    Args:
        timer: returns seconds that only grow.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._left: dict[Share, tuple[float, float]] = {}

    def take(self, share: Share, limit: int | None) -> None:
        """Count one request.

        Args:
            share: the callers that share the rate.
            limit: their requests per second; None for no limit.

        Raises:
            Refused: they are over their rate.
        """
        if limit is None:
            return
        now = self._timer()
        left, since = self._left.get(share, (float(limit), now))
        left = min(limit, left + (now - since) * limit)
        self._left[share] = (left - 1 if left >= 1 else left), now
        if left < 1:
            raise Refused(429, "TOO_MANY_REQUESTS", f"more than {limit} requests a second")
