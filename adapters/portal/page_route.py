"""A page: a path, and what answers its methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from starlette.responses import Response

from .visit import Visit

Answer = Callable[[Visit], Response]


class Page(NamedTuple):
    """A path below the portal.

    Args:
        path: where it is.
        answers: method → the function that answers it.
        open: whether it is for visitors who have not signed in.
        waits: whether it may wait for the identity provider.
    """

    path: str
    answers: Mapping[str, Answer]
    open: bool = False
    waits: bool = False
