"""Long works on the store that an operator starts: one at a time in a process, with progress."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock, Thread

from addressee.application import AuditableStore, Store, verify
from addressee.domain import AddresseeError

from .settings import Progress, Work


@dataclass(frozen=True, slots=True)
class WorkState:
    """How far a work is.

    Attributes:
        name: of the work.
        by: the actor who has started it.
        began: when.
        position: of the ledger, up to which it has come.
        last: the ledger's last position.
        ended: when it ended; None while it runs.
        result: what it says at its end.
        failed: whether that is an error.
    """

    name: str
    by: str
    began: datetime
    position: int = 0
    last: int = 0
    ended: datetime | None = None
    result: str = ""
    failed: bool = False


def unnoted(_: str) -> None:
    """Note nothing."""


class Works:
    """Runs works, and remembers how the last of each name has ended.

    Args:
        works: name → the work.
        clock: returns the current time.
        logger: receives what fails.
    """

    def __init__(
        self, works: Mapping[str, Work], clock: Callable[[], datetime], logger: logging.Logger
    ) -> None:
        self._works = works
        self._clock = clock
        self._logger = logger
        self._lock = Lock()
        self._running: str | None = None
        self._states: dict[str, WorkState] = {}

    @property
    def names(self) -> list[str]:
        """The names of the works."""
        return [*self._works]

    @property
    def running(self) -> str | None:
        """The name of the work that runs now."""
        return self._running

    @property
    def states(self) -> Mapping[str, WorkState]:
        """Name → how far the last run of each work is."""
        return dict(self._states)

    def start(self, name: str, by: str, noted: Callable[[str], object] = unnoted) -> bool:
        """Start a work in a thread; return False where there is none, or one runs already.

        Args:
            name: of the work.
            by: the actor.
            noted: records that it begins; the work does not run if it fails.
        """
        with self._lock:
            if name not in self._works or self._running is not None:
                return False
            noted(name)
            self._running = name
            self._states[name] = WorkState(name, by, self._clock())
        # A process that ends need not wait: each work can be run again.
        Thread(target=self._run, args=(name,), name=f"addressee-{name}", daemon=True).start()
        return True

    def _run(self, name: str) -> None:
        result, failed = "it failed; the log has the cause", True
        try:
            result, failed = self._works[name](lambda done, last: self._at(name, done, last)), False
        except AddresseeError as error:
            self._logger.warning("%s failed: %s", name, error.code)
            result = str(error)
        finally:
            state = self._states[name]
            ended = replace(state, ended=self._clock(), result=result, failed=failed)
            self._states[name] = ended
            self._running = None

    def _at(self, name: str, position: int, last: int) -> None:
        self._states[name] = replace(self._states[name], position=position, last=last)


def checks(store: Store) -> dict[str, Work]:
    """Return the check of ledger and read models, where the store can be checked."""
    if not isinstance(store, AuditableStore):
        return {}

    def check(progress: Progress) -> str:
        found = verify(store, progress=progress)
        differences = len(found.differences) or "no"
        return (
            f"{found.events:,} events up to position {found.position:,}, sealed up to "
            f"{found.sealed:,}: {differences} differences"
        )

    return {"check": check}
