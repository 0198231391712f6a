"""Errors of names: nothing has the name, or something else needs it."""

from __future__ import annotations

from collections.abc import Sequence

from .base import AddresseeError


class UnknownApplication(AddresseeError):
    """No application has that code."""

    code = "UNKNOWN_APPLICATION"

    def __init__(self, application: str) -> None:
        super().__init__(f"application {application} is not configured")
        self.application = application


class UnknownPerson(AddresseeError):
    """No person has that id."""

    code = "UNKNOWN_PERSON"

    def __init__(self, person: str) -> None:
        super().__init__(f"person {person} does not exist")
        self.person = person


class UnknownSegment(AddresseeError):
    """An expression uses a saved segment that is not defined in the application."""

    code = "UNKNOWN_SEGMENT"

    def __init__(self, segment: str) -> None:
        super().__init__(f"segment {segment} is not defined")
        self.segment = segment


class UnknownDispatch(AddresseeError):
    """No dispatch has that id."""

    code = "UNKNOWN_DISPATCH"

    def __init__(self, dispatch: str) -> None:
        super().__init__(f"dispatch {dispatch} does not exist")
        self.dispatch = dispatch


class UnknownSink(AddresseeError):
    """No relay has worked on a sink of that name."""

    code = "UNKNOWN_SINK"

    def __init__(self, sink: str) -> None:
        super().__init__(f"no relay has worked on a sink {sink}")
        self.sink = sink


class SegmentCycle(AddresseeError):
    """A saved segment would contain itself.

    Args:
        path: names of segments, each used by the previous one; the last equals the first.
    """

    code = "SEGMENT_CYCLE"

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__(f"segment {path[0]} contains itself: {' → '.join(path)}")
        self.path = tuple(path)


class SegmentInUse(AddresseeError):
    """A saved segment can't be removed, since others use it.

    Args:
        segment: its name.
        users: names of the segments that use it.
    """

    code = "SEGMENT_IN_USE"

    def __init__(self, segment: str, users: Sequence[str]) -> None:
        super().__init__(f"segment {segment} is used by {', '.join(users)}")
        self.segment = segment
        self.users = tuple(users)
