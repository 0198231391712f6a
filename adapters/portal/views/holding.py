"""Who held a device over time, as intervals and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from addressee.application import Recorded
from addressee.domain import DeviceDepersonalized, DevicePersonalized, InstallationExpired

WIDTH, BAR, GAP, TOP = 1000, 26, 10, 4
LEAST = 3.0
"""Narrowest bar of a picture, in its units: a short interval is still seen."""
MOST = 12
"""Most rows of a picture: the persons who held the device last."""
HUES = 6


@dataclass(frozen=True, slots=True)
class Holding:
    """An interval in which a person held a device.

    Attributes:
        person: the person's id, as of then.
        installation: the device's id.
        since: when the person signed in.
        until: when the interval ended; None while it lasts.
        reason: why it ended.
        by: the actor of its end.
    """

    person: str
    installation: str
    since: datetime
    until: datetime | None = None
    reason: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the picture: place and size in its units, and the class of its colour."""

    holding: Holding
    x: float
    y: int
    width: float
    hue: int


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture: a row for each person, time from left to right.

    Attributes:
        bars: one for each interval.
        rows: each person with the row's place.
        height: of the picture, in its units.
        first: the time at its left.
        last: the time at its right.
        left_out: how many persons it has no row for.
        hues: person → the class of its colour.
    """

    bars: tuple[Bar, ...]
    rows: tuple[tuple[str, int], ...]
    height: int
    first: datetime
    last: datetime
    left_out: int
    hues: Mapping[str, int]


def holdings(recorded: Iterable[Recorded]) -> Iterator[Holding]:
    """Yield the intervals that events of one person or one device tell of, in order of their end.

    Those that last come at the end.
    """
    open_: dict[str, Holding] = {}
    for _, event in recorded:
        if isinstance(event, DevicePersonalized):
            name = event.installation
            open_[name] = Holding(event.person, name, event.timestamp)
        elif isinstance(event, DeviceDepersonalized):
            held = open_.pop(event.installation, None)
            if held is not None:
                yield ended(held, event.timestamp, event.reason, event.actor)
        elif isinstance(event, InstallationExpired):
            held = open_.pop(event.installation, None)
            if held is not None:
                yield ended(held, event.timestamp, f"expired: {event.reason}", event.actor)
    yield from open_.values()


def ended(held: Holding, at: datetime, reason: str, by: str) -> Holding:
    """Return an interval with its end."""
    return Holding(held.person, held.installation, held.since, at, reason, by)


def picture(intervals: Iterable[Holding], now: datetime) -> Picture | None:
    """Return the picture of a device's intervals up to a moment; None if there are none."""
    held = list(intervals)
    if not held:
        return None
    order = list(dict.fromkeys(each.person for each in reversed(held)))
    shown = order[:MOST]
    rows = {person: TOP + number * (BAR + GAP) for number, person in enumerate(shown)}
    hues = {person: number % HUES for number, person in enumerate(shown)}
    drawn = [each for each in held if each.person in rows]
    first = min(each.since for each in drawn)
    last = max(now, *(each.until or each.since for each in drawn))
    seconds = max((last - first).total_seconds(), 1.0)

    def place(at: datetime) -> float:
        return (at - first).total_seconds() / seconds * WIDTH

    bars: list[Bar] = []
    for each in drawn:
        x, end = place(each.since), place(each.until or last)
        width = max(end - x, LEAST)
        x = min(x, WIDTH - width)
        y, hue = rows[each.person], hues[each.person]
        bars.append(Bar(each, round(x, 1), y, round(width, 1), hue))
    height = TOP + len(shown) * (BAR + GAP)
    left_out = len(order) - len(shown)
    return Picture(tuple(bars), tuple(rows.items()), height, first, last, left_out, hues)
