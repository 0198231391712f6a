"""The erasure of what a device told while nobody was signed in on it, step by step (R54)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from addressee.domain import Installation
from addressee.domain.events import InstallationErased, InstallationErasureRequested

from ...history import History
from ...ledger.holdings import while_anonymous
from ...personalization import Personalization
from ...ports.store import Store
from ...unit_of_work.command_context import Context
from ..erasure_steps import OUTSIDE, RETENTION, destroyed, sealed_with
from .erasure_commands import (
    EXPIRY,
    RecordInstallationErasure,
    RequestInstallationErasure,
    is_abandoned,
)


@dataclass(frozen=True, slots=True)
class InstallationErasure:
    """What the erasure of an installation has done, or would do; nothing in it is personal data.

    Attributes:
        installation: its id.
        application: its application's code.
        done: whether it is done; False for a dry run.
        position: of the event that records it; of the installation's last event for a dry run.
        events: how many events become unreadable.
        keys: how many keys are destroyed.
        fingerprint: of all of these keys; empty for a dry run.
        outside: where what the device told may be that this does not reach.
    """

    installation: str
    application: str
    done: bool
    position: int
    events: int
    keys: int
    fingerprint: str
    outside: tuple[str, ...] = OUTSIDE

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


class InstallationEraser:
    """Erases installations from one store.

    What a device told while a person was signed in on it is that person's, and stays.

    Args:
        store: where; it must be sealed.
        people: records what happens.
        history: reads the ledger.

    Raises:
        StoreNotSealed: the store has personal data in clear.
    """

    wanted = EXPIRY

    def __init__(self, store: Store, people: Personalization, history: History) -> None:
        self.store, self._keys = sealed_with(store)
        self._people = people
        self._history = history

    def preview(self, installation: str, within: str | None = None) -> InstallationErasure:
        """Return what an erasure would do, or has done; raises NoRegistration."""
        recorded = self._history.installation(installation, within=within)
        device = Installation(installation).fold(event for _, event in recorded)
        done = [each for each in recorded if isinstance(each.event, InstallationErased)]
        lost = self._lost(device)
        position, fingerprint = recorded[-1].position, ""
        if done:
            position, event = done[-1]
            fingerprint = getattr(event, "fingerprint", "")
        return InstallationErasure(
            installation,
            device.application,
            done=bool(done),
            position=position,
            events=len(lost),
            keys=len({*lost}),
            fingerprint=fingerprint,
        )

    def due(self, names: AbstractSet[str], before: Mapping[str, datetime]) -> Sequence[str]:
        """Return those of some installations that are abandoned or half erased.

        Args:
            names: their ids.
            before: as of `is_abandoned`.
        """
        devices = [Installation(name) for name in sorted(names)]
        with self.store.reading() as view:
            streams = view.streams({each.id: 0 for each in devices})
        for each in devices:
            each.fold(event for _, event in streams[each.id])
        return [
            each.name for each in devices
            if each.destroyed_keys is None
            and (each.erasing or is_abandoned(each, streams[each.id], before))
        ]  # fmt: skip

    def run(self, installation: str, context: Context) -> InstallationErasure:
        """Erase an installation, or go on with what a run before has begun.

        Raises:
            NoRegistration: it was never registered, or not by the application that may be seen.
            StoreUnavailable: store or key store can't be reached; a later call goes on.
        """
        self._people.run(RequestInstallationErasure(installation), context)
        return self._finish(installation, context)

    def erasures(
        self, names: Sequence[str], now: datetime, *, dry_run: bool
    ) -> Iterator[InstallationErasure]:
        """Erase installations that are `due` one after the other, or only tell."""
        for name in names:
            one = self.preview(name) if dry_run else self.run_abandoned(name, now)
            if one is not None:
                yield one

    def run_abandoned(self, installation: str, now: datetime) -> InstallationErasure | None:
        """Do so if it is still abandoned, or the erasure has begun; return None if not.

        Args:
            installation: its id.
            now: the time to judge by.

        Raises:
            StoreUnavailable: store or key store can't be reached; a later call goes on.
        """
        context = Context(actor=RETENTION)
        self._people.run(RequestInstallationErasure(installation, now), context)
        erasing = self._state(installation).erasing
        return self._finish(installation, context) if erasing else None

    def _finish(self, installation: str, context: Context) -> InstallationErasure:
        lost = self._lost(self._state(installation))
        together = destroyed(self._keys, lost)
        self._people.run(RecordInstallationErasure(installation, lost, together), context)
        return self.preview(installation)

    def _state(self, installation: str) -> Installation:
        recorded = self._history.installation(installation)
        return Installation(installation).fold(event for _, event in recorded)

    def _lost(self, device: Installation) -> Sequence[str]:
        """Return the key of each event that is lost with an installation."""
        recorded = self._history.installation(device.name)
        # What an erasure of a person restates later is no part of it, and says nothing.
        until = takewhile(
            lambda each: not isinstance(each.event, InstallationErasureRequested), recorded
        )
        versions = {event.originator_version for _, event in while_anonymous([*until])}
        keys = self.store.keys_of([device.id]).get(device.id, {})
        return [key for version, key in keys.items() if version in versions]
