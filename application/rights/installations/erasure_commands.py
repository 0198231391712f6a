"""The two commands of an installation's erasure: it has begun, and it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from addressee.domain import (
    Aggregate,
    Installation,
    InstallationExpired,
    NoRegistration,
    Retention,
)

from ...commands.installation_commands import expire
from ...ports.records import Recorded
from ...unit_of_work.results import Updated
from ...unit_of_work.unit_of_work import UnitOfWork
from ..retention.ledger_search import Wanted, moments

EXPIRY = Wanted(Installation.CATEGORY, frozenset({InstallationExpired}))
"""The event after which a device never comes back under its id."""


@dataclass(frozen=True, slots=True)
class RequestInstallationErasure:
    """Have nothing find what an installation told, which is to become unreadable.

    One that has not expired does so first: nothing could reach it any more.

    Args:
        installation: its id.
        expired_at: records nothing unless the installation `is_abandoned` at that time, as the
            policies are within the transaction; None for any installation.
    """

    ANSWER: ClassVar = Updated

    installation: str
    expired_at: datetime | None = None

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:  # noqa: ARG002 # as the protocol has it
        """Return the installation."""
        return (Installation(self.installation),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise NoRegistration for one that never was, or that the caller may not see."""
        installation = work.get(Installation, self.installation)
        if not installation.exists or work.within not in (None, installation.application):
            raise NoRegistration(self.installation)
        unchanged = Updated("unchanged", self.installation, None)
        if installation.erasing:
            return unchanged
        if self.expired_at is None:
            if installation.live:
                expire(work, installation, "unregistered")
        elif not self._concerns(work, installation, self.expired_at):
            return unchanged
        installation.request_erasure(work.occasion)
        return Updated("updated", self.installation, None, work.primary_moves())

    def _concerns(self, work: UnitOfWork, installation: Installation, now: datetime) -> bool:
        retentions = work.rules.policies.retentions(work.reader)
        recorded = work.streams((installation,))[installation.id]
        return is_abandoned(installation, recorded, moments(anonymous_times(retentions), now))


@dataclass(frozen=True, slots=True)
class RecordInstallationErasure:
    """Record that the keys of what an installation told are destroyed.

    Args:
        installation: its id.
        keys: the key of each of these events.
        fingerprint: of all of these keys.
    """

    ANSWER: ClassVar = Updated

    installation: str
    keys: Sequence[str]
    fingerprint: str

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:  # noqa: ARG002 # as the protocol has it
        """Return the installation."""
        return (Installation(self.installation),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Record nothing where it is recorded already, of all of these keys."""
        installation, keys = work.get(Installation, self.installation), {*self.keys}
        known = installation.destroyed_keys
        if known is not None and keys <= {*known}:
            return Updated("unchanged", self.installation, None)
        installation.note_erased(work.occasion, keys, self.fingerprint, len(self.keys))
        return Updated("updated", self.installation, None)


def anonymous_times(retentions: Mapping[str, Retention]) -> Mapping[str, timedelta]:
    """Return application → time after which installations are erased, of those that have one."""
    times = {code: kept.erase_anonymous_after for code, kept in retentions.items()}
    return {code: time for code, time in times.items() if time is not None}


def is_abandoned(
    installation: Installation, recorded: Sequence[Recorded], before: Mapping[str, datetime]
) -> bool:
    """Whether an installation has expired for so long as its application wants it.

    Args:
        installation: its state.
        recorded: its events.
        before: application → the moment since which that must be so, of those that have a time.
    """
    moment = before.get(installation.application)
    if moment is None or not installation.expired:
        return False
    ends = [event.timestamp for _, event in recorded if type(event) in EXPIRY.events]
    return max(ends) <= moment
