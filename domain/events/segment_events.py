"""Events of saved segments."""

from __future__ import annotations

from typing import Annotated

from .base import PERSONAL, Event


class SegmentDefined(Event):
    """A segment was defined or redefined."""

    TOPIC = "addressee.SegmentDefined"
    HOME = "segment"

    application: str
    name: str
    expression: Annotated[str, PERSONAL]


class SegmentRemoved(Event):
    """A segment was removed."""

    TOPIC = "addressee.SegmentRemoved"
    HOME = "segment"

    application: str
    name: str
