"""Requests that wait until the keys of an identity provider are fetched."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

from addressee.adapters.tokens.claims import KeysWanted

from ..messages.error_responses import UNAVAILABLE, Refused


class KeyWaits:
    """Waits for fetches without a thread, used from one event loop.

    Args:
        waiting: most requests that wait for one set; others fail at once.
        patience: longest wait, in seconds.
    """

    def __init__(self, *, waiting: int, patience: float) -> None:
        self._most = waiting
        self._patience = patience
        self._waiting: Counter[str] = Counter()

    async def wait(self, wanted: KeysWanted) -> None:
        """Return when a key set is fetched, or could not be in time; raises Refused."""
        jwks = wanted.jwks
        if self._waiting[jwks] >= self._most:
            problem = f"more than {self._most} requests wait for the issuer's keys"
            raise Refused(UNAVAILABLE, "BUSY", problem)
        self._waiting[jwks] += 1
        try:
            # Shielded: the others still wait where the client of this request goes away.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await asyncio.shield(asyncio.wrap_future(wanted.fetch()))
        finally:
            self._waiting[jwks] -= 1
