"""What happened on an installation while it was one person's, and how an export shows it.

A device is shared: its stream has events of all who were signed in on it. An export of one person
shows none of the others'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple

from addressee.domain import (
    UNIQUE_FACTS,
    DeviceDepersonalized,
    DevicePersonalized,
    Event,
    InstallationRegistered,
    InstallationRestated,
    InstallationUpdated,
    Scalar,
)

from ..ledger.holdings import held_by
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
OF_PERSON = frozenset({"device_name", "application_user_id"})
"""Device facts that say something of the person; the others are what the device needs to go on."""
FACTS = (InstallationRegistered, InstallationUpdated, InstallationRestated)
HANDOVERS = (DevicePersonalized, DeviceDepersonalized)


class Telling(NamedTuple):
    """Where a fact of an installation comes from, as positions.

    Args:
        last: of the last event that says it.
        origin: of the event by which it was told, and which a restatement repeats; None where no
            event tells it any more, because its person is erased.
    """

    last: int
    origin: int | None


class Lost(NamedTuple):
    """What an erasure of persons takes from an installation.

    Args:
        versions: of the events that become unreadable, each with all that its key has sealed.
        copied: whether there are restatements among them that repeat what names the persons.
        facts: the facts that these events say, and that have to be said again.
        gone: those of them that name a person, and must not be said again.
    """

    versions: frozenset[int]
    copied: bool
    facts: frozenset[str]
    gone: frozenset[str]


def while_held(recorded: Iterable[Recorded], persons: AbstractSet[str]) -> Iterator[Recorded]:
    """Yield the events of an installation that are a person's own.

    Restatements are not: the person's own events say what they repeat of the person, and the rest
    was told by others.

    Args:
        recorded: as `held_by` has them.
        persons: likewise.
    """
    return (
        each for each in held_by(recorded, persons)
        if not isinstance(each.event, InstallationRestated)
    )  # fmt: skip


def lost_with(recorded: Sequence[Recorded], persons: AbstractSet[str]) -> Lost:
    """Return what an erasure of persons takes from an installation.

    Restatements that are not partial repeated all facts, also those that name somebody else than
    who held the installation. Where they name the persons, they go as well, with all that happened
    between the same two handovers, for that may be under the same key. So do those that repeat a
    name which nothing tells any more once these are lost, or the persons' own events: it may be the
    persons'. So a later look, which can't read those, finds the same.

    Args:
        recorded: all events of the installation, oldest first.
        persons: the ids of the persons.
    """
    own = {each.position for each in held_by(recorded, persons)}
    handed_over = accumulate(int(isinstance(event, HANDOVERS)) for _, event in recorded)
    turns = {each.position: turn for each, turn in zip(recorded, handed_over, strict=True)}
    tellings, copies = followed(recorded, own, frozenset())

    def unreadable() -> set[int]:
        shared = {turns[position] for position in copies}
        return own | {position for position, turn in turns.items() if turn in shared}

    lost = unreadable()
    while further := followed(recorded, own, lost)[1]:
        copies |= further
        lost = unreadable()
    facts = {name: telling for name, telling in tellings.items() if telling.last in lost}
    now = max(turns.values(), default=0)
    return Lost(
        frozenset(
            event.originator_version for position, event in recorded if position in own | copies
        ),
        bool(copies),
        frozenset(facts),
        # Of a person only what was told since the installation changed hands is said again.
        frozenset(
            name
            for name, (_, origin) in facts.items()
            if name in OF_PERSON and (origin is None or origin in own or turns[origin] != now)
        ),
    )


def followed(
    recorded: Sequence[Recorded], own: AbstractSet[int], lost: AbstractSet[int]
) -> tuple[dict[str, Telling], set[int]]:
    """Return where each fact comes from, and the restatements that repeat a name of the persons.

    A name that no event tells may be theirs, too.

    Args:
        recorded: as `lost_with` has them.
        own: positions of the events that are the persons'.
        lost: positions of those that say nothing any more.
    """
    tellings: dict[str, Telling] = {}
    copies: set[int] = set()
    for position, event in recorded:
        if not isinstance(event, FACTS):
            continue
        facts = {} if position in lost else event.facts
        if not isinstance(event, InstallationRestated) or event.partial:
            tellings |= dict.fromkeys(facts, Telling(position, position))
            continue
        origins = {name: tellings[name].origin for name in facts if name in tellings}
        tellings = {name: Telling(position, origins.get(name)) for name in facts}
        for name, (_, origin) in tellings.items():
            if name in OF_PERSON and facts[name] is not None and (origin is None or origin in own):
                copies.add(position)
    return tellings, copies


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
