"""When a message is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

STANDARD = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds between the attempts of one message, as Standard Webhooks has them."""
SHORTEST, LONGEST = 0.1, 5.0
"""Seconds between the attempts at a sink that is away: each pause is twice the last."""
JITTER = 0.2
"""By which part a pause is longer or shorter, so that relays do not come all at once."""


class Schedule:
    """Counts the attempts at one sink.

    Args:
        pauses: seconds between the attempts of one message; afterwards it is set aside.
        chance: returns a number from 0 to 1.
    """

    def __init__(
        self, pauses: Sequence[float] = STANDARD, chance: Callable[[], float] = random.random
    ) -> None:
        self._pauses = pauses
        self._chance = chance
        self._position = 0
        self._failures = 0
        self._pause = SHORTEST

    def failed(self, position: int) -> float | None:
        """Return how many seconds to wait after a message failed; None if it was the last time."""
        self._failures = self._failures + 1 if position == self._position else 1
        self._position = position
        if self._failures > len(self._pauses):
            return None
        return self._varied(self._pauses[self._failures - 1])

    def away(self, least: float) -> float:
        """Return how many seconds to wait for a sink that takes nothing."""
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST)
        return max(least, self._varied(pause))

    def taken(self) -> None:
        """Note that the sink took something."""
        self._pause = SHORTEST

    def _varied(self, seconds: float) -> float:
        return seconds * (1 + JITTER * (2 * self._chance() - 1))
