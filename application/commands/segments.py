"""Saved segments: names for audiences, which other audiences use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from addressee.domain import Aggregate, Segment, SegmentInUse, UnknownSegment, as_expression, leaves

from ..audiences.evaluation import check_indexed
from ..audiences.segment_expansion import expanded, uses
from ..unit_of_work.results import Updated
from ..unit_of_work.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class DefineSegment:
    """Give an audience a name, or another audience the name."""

    ANSWER: ClassVar = Updated

    application: str
    name: str
    expression: str

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the segment."""
        return (Segment.of(self.application, self.name),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise what asking the audience would raise; SegmentCycle if it contains itself."""

        def text_of(name: str) -> str | None:
            return work.segment(self.application, name).expression

        work.check_application(self.application)
        most = work.limits_of(self.application)
        whole = expanded(as_expression(self.expression, most), text_of, self.name, most)
        check_indexed(work.store, leaves(whole))
        work.segment(self.application, self.name).define(work.occasion, self.expression)
        return Updated("updated" if work.recorded else "unchanged")


@dataclass(frozen=True, slots=True)
class RemoveSegment:
    """Take the name away, which no other segment uses."""

    ANSWER: ClassVar = Updated

    application: str
    name: str

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the segment."""
        return (Segment.of(self.application, self.name),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise UnknownSegment, or SegmentInUse."""
        segment = work.segment(self.application, self.name)
        if segment.expression is None:
            raise UnknownSegment(self.name)
        others = [
            name
            for name, text in work.reader.segments(self.application).items()
            if self.name in uses(as_expression(text))
        ]
        work.open(*(Segment.of(self.application, name) for name in others))
        users = [
            other.place[1]
            for other in (work.segment(self.application, name) for name in others)
            if other.expression and self.name in uses(as_expression(other.expression))
        ]
        if users:
            raise SegmentInUse(self.name, users)
        segment.remove(work.occasion)
        return Updated("updated")
