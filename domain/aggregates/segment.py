"""Saved segments: names for audiences of one application."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Self

from .. import events
from ..values import composed
from .base import Aggregate, Appliers, Occasion


class Segment(Aggregate):
    """A named expression, which other expressions use as ``segment:name``.

    Args:
        name: the application's code, a colon and the segment's own name without a colon.
    """

    CATEGORY = "segment"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.expression: str | None = None

    @classmethod
    def of(cls, application: str, name: str) -> Self:
        """Return a segment of an application, not loaded yet."""
        return cls(f"{application}:{name}")

    @property
    def place(self) -> tuple[str, str]:
        """The application's code and the segment's own name, as audiences compare it (R45)."""
        application, _, name = self.name.rpartition(":")
        return application, composed(name)

    def contents(self) -> Collection[object]:
        """Return the expression."""
        return (self.expression,)

    def define(self, occasion: Occasion, expression: str) -> None:
        """Record the expression, unless the segment has it already."""
        if expression != self.expression:
            application, name = self.place
            self.record(
                events.SegmentDefined,
                occasion,
                application=application,
                name=name,
                expression=expression,
            )

    def remove(self, occasion: Occasion) -> None:
        """Record the removal; the caller has checked that the segment is defined."""
        application, name = self.place
        self.record(events.SegmentRemoved, occasion, application=application, name=name)

    def _defined(self, event: events.SegmentDefined) -> None:
        self.expression = event.expression

    def _removed(self, _: events.SegmentRemoved) -> None:
        self.expression = None

    APPLIERS: ClassVar[Appliers] = {
        events.SegmentDefined: _defined,
        events.SegmentRemoved: _removed,
    }
