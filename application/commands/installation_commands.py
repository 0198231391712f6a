"""Commands about an installation itself: it registers, reports facts, changes tags, expires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, TypeVar

from addressee.domain import (
    UNIQUE_FACTS,
    Aggregate,
    ExpiryReason,
    Installation,
    InstallationExpired,
    InstallationRegistered,
    InvalidValue,
    PushTokenClaim,
)

from ..unit_of_work.results import Depersonalized, Registered, Updated
from ..unit_of_work.unit_of_work import UnitOfWork
from .depersonalize import leave, unused
from .report_arguments import Report
from .tagging import TagChange

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Register:
    """Make an installation, or bring the one that has the id up to date (R6, R7)."""

    ANSWER: ClassVar = Registered

    application: str
    installation: str | None
    report: Report

    actor = "device"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation, if its id is given, and the claims on its addresses."""
        if self.installation is not None:
            yield Installation(self.installation)
        for fact in UNIQUE_FACTS:
            if (token := self.report["facts"].get(fact)) is not None:
                yield PushTokenClaim.on(self.application, str(token), key)

    def decide(self, work: UnitOfWork) -> Registered:
        """Raise NoRegistration if the id has expired; UnknownApplication if that is asked for."""
        if self.installation is None:
            installation = work.new(Installation)
        else:
            installation = work.get(Installation, self.installation)
        name = installation.name
        if installation.exists:
            return self._again(work, name)
        work.check_application(self.application)
        report = self.report
        installation.record(
            InstallationRegistered,
            work.occasion,
            application=self.application,
            push_enabled=report["push_enabled"] is not False,
            notifications_enabled=report["notifications_enabled"] is not False,
            facts=given(report["facts"]),
            attributes=given(report["attributes"]),
        )
        return Registered("registered", name, superseded=claim_addresses(work, installation))

    def _again(self, work: UnitOfWork, name: str) -> Registered:
        installation = work.installation(name)
        if installation.application != self.application:
            raise InvalidValue("application", "is not the one the installation was registered in")
        installation.update(work.occasion, **self.report)
        note_use(work, installation)
        superseded = claim_addresses(work, installation)
        return Registered("updated" if work.recorded else "unchanged", name, superseded)


@dataclass(frozen=True, slots=True)
class UpdateInstallation:
    """Record what a device reports (R8); a new push token may supersede another installation."""

    ANSWER: ClassVar = Updated

    installation: str
    report: Report

    actor = "device"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation."""
        return (Installation(self.installation),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise NoRegistration if it is unknown or expired."""
        installation = work.installation(self.installation)
        installation.update(work.occasion, **self.report)
        note_use(work, installation)
        if any(self.report["facts"].get(fact) is not None for fact in UNIQUE_FACTS):
            claim_addresses(work, installation)
        return updated(work, installation)


@dataclass(frozen=True, slots=True)
class TagInstallation:
    """Change the installation's own tags (R28)."""

    ANSWER: ClassVar = Updated

    installation: str
    tags: TagChange

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation."""
        return (Installation(self.installation),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise NoRegistration if it is unknown or expired."""
        installation = work.installation(self.installation)
        installation.change_tags(work.occasion, *self.tags.on(installation.tags))
        return updated(work, installation)


@dataclass(frozen=True, slots=True)
class Touch:
    """Note that an installation is in use, outside the ledger (R26, R54)."""

    ANSWER: ClassVar = Updated

    installation: str

    actor = "device"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation."""
        return (Installation(self.installation),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise NoRegistration if it is unknown or expired."""
        installation = work.installation(self.installation)
        work.touch(installation)
        return updated(work, installation)


@dataclass(frozen=True, slots=True)
class Expire:
    """Take a live installation out of reach for good (R9)."""

    ANSWER: ClassVar = Depersonalized

    installation: str
    reason: ExpiryReason

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation."""
        return (Installation(self.installation),)

    def decide(self, work: UnitOfWork) -> Depersonalized:
        """Raise NoRegistration if it is unknown or has expired already."""
        installation = work.installation(self.installation)
        person = work.seen_owner(installation)
        expire(work, installation, self.reason)
        return Depersonalized("expired", (self.installation,), person, work.primary_moves())


@dataclass(frozen=True, slots=True)
class ExpireInactive:
    """Expire an installation that was used as long ago as the caller saw it (R54).

    Args:
        installation: its id.
        before: when it was used last, or later.
        anonymous: whether nobody is signed in on it; if that has changed, it stays.
    """

    ANSWER: ClassVar = Depersonalized

    installation: str
    before: datetime
    anonymous: bool = False

    actor = "policy:retention"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation."""
        return (Installation(self.installation),)

    def decide(self, work: UnitOfWork) -> Depersonalized:
        """Read again within the transaction, for a touch may have come in between."""
        name = self.installation
        installation = unused(work, name, self.before, anonymous=self.anonymous)
        if installation is None:
            return Depersonalized("unchanged", (name,))
        person = work.seen_owner(installation)
        expire(work, installation, "inactive")
        return Depersonalized("expired", (self.installation,), person, work.primary_moves())


@dataclass(frozen=True, slots=True)
class ExpireAddress:
    """Expire an installation whose address is dead, if it is still the one that is meant (R41)."""

    ANSWER: ClassVar = Depersonalized

    installation: str
    address: str
    since: datetime

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation."""
        return (Installation(self.installation),)

    def decide(self, work: UnitOfWork) -> Depersonalized:
        """Do nothing where it has another address by now, or the same one registered anew."""
        installation = work.get(Installation, self.installation)
        person, known = work.seen_owner(installation), installation.address
        if known is None or (known.address, known.since) != (self.address, self.since):
            return Depersonalized("unchanged", (self.installation,), person)
        expire(work, installation, "token_rejected")
        return Depersonalized("expired", (self.installation,), person, work.primary_moves())


def note_use(work: UnitOfWork, installation: Installation) -> None:
    """Note that a device which reports itself is in use, if nobody is signed in on it (R54).

    A session is kept alive by `Touch` alone (R26).
    """
    if installation.person is None and work.occasion.actor == "device":
        work.touch(installation)


def claim_addresses(work: UnitOfWork, installation: Installation) -> str | None:
    """Make the installation the one that has its push token; return the one that it supersedes.

    Newest wins and exactly one stays live, since two claims collide on the token's stream (R7). The
    same goes for a Firebase installation id.
    """
    superseded = None
    for fact in UNIQUE_FACTS:
        if (token := installation.facts.get(fact)) is None:
            continue
        claim = work.token_claim(installation.application, str(token))
        if claim.holder is not None and claim.holder != installation.name:
            older = work.get(Installation, claim.holder)
            if older.live and older.facts.get(fact) == token:
                expire(work, older, "superseded", installation.name)
                superseded = older.name
        claim.take(work.occasion, installation.name)
    return superseded


def expire(
    work: UnitOfWork,
    installation: Installation,
    reason: ExpiryReason,
    superseded_by: str | None = None,
) -> None:
    """Record that an installation can't be reached any more; it leaves its person first (R9)."""
    leave(work, installation, reason, superseded_by)
    installation.record(
        InstallationExpired, work.occasion, reason=reason, superseded_by=superseded_by
    )


def updated(work: UnitOfWork, installation: Installation) -> Updated:
    """Return the answer of a command that may have changed an installation."""
    outcome: Literal["updated", "unchanged"] = "updated" if work.recorded else "unchanged"
    return Updated(outcome, installation.name, installation.person, work.primary_moves())


def given(changes: Mapping[str, V | None]) -> dict[str, V]:
    """Return the changes that set a value."""
    return {name: value for name, value in changes.items() if value is not None}
