"""Which names stand for which audiences."""

from __future__ import annotations

from typing import Annotated

from .base import PERSONAL, Event


class SegmentDefined(Event):
    """A name stands for an audience from now on."""

    TOPIC = "addressee.SegmentDefined"
    HOME = "segment"

    application: str
    name: str
    expression: Annotated[str, PERSONAL]


class SegmentRemoved(Event):
    """A name stands for no audience any more."""

    TOPIC = "addressee.SegmentRemoved"
    HOME = "segment"

    application: str
    name: str
