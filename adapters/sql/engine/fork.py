"""A process that was forked shares no connection and no lock with the one it comes from."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class HasForks(Protocol):
    """Anything with locks or connections."""

    def forked(self) -> None:
        """Replace them; called in the new process before anything else runs there."""
        ...


class PreparesForks(HasForks, Protocol):
    """Anything that has to rest while the process is copied."""

    def forking(self) -> None:
        """Come to rest."""
        ...

    def went_on(self) -> None:
        """Go on, in the process that was copied."""
        ...


HOLDERS: WeakSet[HasForks] = WeakSet()
RESTING: WeakSet[PreparesForks] = WeakSet()
"""Python takes callbacks for good; so there are three, and these are what they call."""


def renew_after_fork(holder: HasForks) -> None:
    """Have an object's `forked` called in processes that are forked from this one."""
    HOLDERS.add(holder)


def rest_at_fork(holder: PreparesForks) -> None:
    """Have all three methods called."""
    HOLDERS.add(holder)
    RESTING.add(holder)


def rest() -> None:
    """Call `forking` of each."""
    for holder in list(RESTING):
        holder.forking()


def go_on() -> None:
    """Call `went_on` of each."""
    for holder in list(RESTING):
        holder.went_on()


def renew() -> None:
    """Call `forked` of each."""
    for holder in list(HOLDERS):
        holder.forked()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=rest, after_in_parent=go_on, after_in_child=renew)
