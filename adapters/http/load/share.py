"""The unit that the load of a process is divided by."""

from __future__ import annotations

from typing import Literal, NamedTuple

CallerKind = Literal["backend", "device"]


class Share(NamedTuple):
    """The callers that share one bound: those of one kind and application.

    Args:
        application: its code.
        kind: backends with a key, or devices, whose application code is public.
    """

    application: str
    kind: CallerKind
