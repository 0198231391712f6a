"""What happened on an installation while it was one person's, and how an export shows it.

A device is shared: its stream has events of all who were signed in on it. An export of one person
shows none of the others'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

from addressee.domain import (
    UNIQUE_FACTS,
    DeviceDepersonalized,
    DevicePersonalized,
    Event,
    Scalar,
)

from ..ports.public_facts import actor_kind
from ..ports.records import Recorded

Row = dict[str, Any]
ADDRESSES = frozenset({*UNIQUE_FACTS, "webpush_p256dh", "webpush_auth"})
"""Device facts with which anybody could send to the device."""
SHOWN, LEAST = 4, 12
"""Of an address, so many last characters are shown if it has that many at least."""
LEFT_OUT = {"timestamp", "actor", "correlation_id", "person", "installation", "superseded_by"} | {
    *("merge", "survivor", "merged", "changed", "forced", "primaries")
}
"""Fields that stand elsewhere in a line; texts of callers, which may name anybody; and an
installation or a person that may be another one."""


def while_held(recorded: Iterable[Recorded], persons: AbstractSet[str]) -> Iterator[Recorded]:
    """Yield the events of an installation that happened while a person had it.

    What a device told before anybody was signed in belongs to the first who was. What it told
    while nobody was, after that, may be anybody's, and is left out.

    Args:
        recorded: all events of the installation, oldest first.
        persons: the person's id, and those of all who are merged with the person.
    """
    holder: str | None = None
    earlier: list[Recorded] = []
    used = False
    for each in recorded:
        event = each.event
        if isinstance(event, DevicePersonalized):
            holder = event.person
            if holder in persons and not used:
                yield from earlier
            used = True
        if not used:
            earlier.append(each)
        elif holder in persons:
            yield each
        if isinstance(event, DeviceDepersonalized):
            holder = None


def facts_shown(facts: Mapping[str, Scalar | None], *, addresses: bool) -> Row:
    """Return device facts, with masks in place of addresses unless these are wanted."""
    return {
        name: masked(value)
        if name in ADDRESSES and isinstance(value, str) and not addresses
        else value
        for name, value in facts.items()
    }


def masked(address: str) -> str:
    """Return the last characters of an address and its length."""
    end = address[-SHOWN:] if len(address) >= LEAST else ""
    return f"…{end} ({len(address)} characters)"


def line_of(recorded: Recorded, *, addresses: bool) -> Row:
    """Return an event as the timeline shows it."""
    position, event = recorded
    data = event.model_dump(mode="json", exclude=LEFT_OUT, exclude_defaults=True)
    if facts := data.get("facts"):
        data["facts"] = facts_shown(facts, addresses=addresses)
    return {
        "position": position,
        "at": written(event.timestamp),
        "event": type(event).__name__,
        "by": actor_kind(event.actor),
        **on_installation(event),
        "data": data,
    }


def on_installation(event: Event) -> Row:
    """Return the installation of an event as a field, if it has one."""
    name = getattr(event, "installation", None)
    return {} if name is None else {"installation": name}


def written(moment: datetime) -> str:
    """Return a time in UTC as ISO 8601."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
