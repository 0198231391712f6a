"""A sink that calls a function: for the facts of all processes, within this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from addressee.application import DeliveryFailed, FactMessage, Published


class HandlerSink:
    """Calls a host's function with each fact, in order.

    `Personalization.subscribe` does so for the commands of its own object, and forgets what a crash
    interrupts. Through a relay the facts of all processes come, each at least once.

    Args:
        handler: takes a message; if it raises, the relay tries again later.
    """

    def __init__(self, handler: Callable[[FactMessage], object]) -> None:
        self._handler = handler

    def resume(self) -> int | None:
        """Return None: the handler knows."""
        return None

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        """Call the handler until it fails."""
        for confirmed, message in enumerate(messages):
            try:
                self._handler(message)
            except Exception as error:  # noqa: BLE001 # a host's own code may raise anything
                return Published(confirmed, DeliveryFailed(type(error).__name__))
        return Published(len(messages))

    def close(self) -> None:
        """Do nothing."""
