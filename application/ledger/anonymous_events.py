"""What a device told while nobody was signed in on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from addressee.domain import DeviceDepersonalized, DevicePersonalized

from ..ports.records import Recorded


def while_anonymous(recorded: Iterable[Recorded]) -> Sequence[Recorded]:
    """Return the events of an installation that happened while nobody had it.

    What it told before anybody was signed in belongs to the first who was, if there ever was one.

    Args:
        recorded: all events of the installation, oldest first.
    """
    found: list[Recorded] = []
    held = used = False
    for each in recorded:
        if isinstance(each.event, DevicePersonalized):
            if not used:
                found.clear()
            held = used = True
        if not held:
            found.append(each)
        if isinstance(each.event, DeviceDepersonalized):
            held = False
    return found
