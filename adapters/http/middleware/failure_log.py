"""The causes of server errors in the log, at a bounded rate and without personal data."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

INTERVAL = 1.0
TEXT_LIMIT = 500
"""Longest text of an error in the log, in characters."""


class FailureLog:
    """Logs server errors: of each kind one a second, with the number of those left out.

    Args:
        logger: receives the lines.
        timer: returns seconds that only grow.
    """

    def __init__(self, logger: logging.Logger, timer: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._timer = timer
        self._kinds: dict[str, tuple[float, int]] = {}

    def report(self, kind: str, cause: str, request: str) -> None:
        """Log one failure.

        Args:
            kind: the error's code; a line of the same kind follows after a second.
            cause: its text, with nothing of the request in it.
            request: the id of the request.
        """
        now = self._timer()
        last, left_out = self._kinds.get(kind, (now - INTERVAL, 0))
        if now - last < INTERVAL:
            self._kinds[kind] = last, left_out + 1
            return
        self._kinds[kind] = now, 0
        more = f" (and {left_out} more before)" if left_out else ""
        self._logger.warning("request %s: %s: %s%s", request, kind, cause[:TEXT_LIMIT], more)

    def crash(self, kind: str, places: str, request: str) -> None:
        """Log an error that nothing expected, each with its places in the code."""
        self._logger.error("request %s failed: %s at\n%s", request, kind, places)
