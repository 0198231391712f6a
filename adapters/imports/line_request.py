"""A line as a request: a command, or a recorded request of a mobile SDK."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from addressee.adapters.serialization.json_commands import call_of
from addressee.application import Call

from .recorded_traffic import Traffic


@dataclass(frozen=True, slots=True)
class Request:
    """The request of one line.

    Attributes:
        name: the command's name.
        call: runs it on a `Personalization`; None for a line that only reads.
    """

    name: str
    call: Call | None


class Requests:
    """Reads the lines of one file; recorded traffic refers to installations of earlier lines.

    Args:
        ids: makes the ids of the installations that recorded traffic registers.
    """

    def __init__(self, ids: Callable[[], str]) -> None:
        self._traffic = Traffic(ids)

    def request(self, content: dict[str, Any]) -> Request:
        """Return a line's request.

        Args:
            content: ``{"command": …}`` with the arguments of that method of `Personalization`, or
                ``{"method": …, "path": …, "headers": …, "body": …}`` as recorded on the wire.

        Raises:
            AddresseeError: the line can't be read, or an argument is malformed.
        """
        if "command" in content or "method" not in content:
            return Request(*call_of(content))
        return Request(*self._traffic.call_of(content))
