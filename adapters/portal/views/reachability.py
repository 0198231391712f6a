"""Why a push reaches a device or not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from addressee.application import InstallationState
from addressee.domain.address import address_of

SENT_TO = frozenset({"fcm", "apns", "webpush", "vendor"})
"""Services that addressee has senders for; a host may bring transports of its own for others."""


class Check(NamedTuple):
    """One condition of a push, whether it is met, and what that means."""

    met: bool
    name: str
    text: str


def checks(state: InstallationState, now: datetime) -> Iterator[Check]:
    """Yield what a push needs of a device, and whether the device has it."""
    expired = state.expired
    yield Check(
        expired is None,
        "Registered",
        "The registration is live." if expired is None else f"It expired: {expired}.",
    )
    yield Check(
        state.push_enabled,
        "Push switched on in the app",
        "The app has push on." if state.push_enabled else "The user has switched push off.",
    )
    yield Check(
        state.notifications_enabled,
        "Notifications allowed by the system",
        "The operating system shows them."
        if state.notifications_enabled
        else "The permission is missing or was withdrawn in the system's settings.",
    )
    address = address_of(state.name, state.facts, now)
    yield Check(
        address is not None,
        "Push address known",
        "No push token was reported." if address is None else f"Service: {address.service}.",
    )
    if address is not None and address.service not in SENT_TO:
        yield Check(
            False,  # noqa: FBT003 # the field has a name
            "Sender known",
            f"addressee has no sender for {address.service}: without a transport of your own a "
            "push is rejected.",
        )
