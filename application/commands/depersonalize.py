"""A person leaves an installation, or all of them (R18 to R22, R26)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from addressee.domain import Aggregate, DepersonalizeReason, Forbidden, Installation, Person, unbind

from ..unit_of_work.results import Depersonalized
from ..unit_of_work.unit_of_work import UnitOfWork

OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Depersonalize:
    """Unbind an installation; nothing is recorded where it is anonymous already."""

    ANSWER: ClassVar = Depersonalized

    installation: str
    by: str | None
    reason: DepersonalizeReason
    of: str | None = None

    @property
    def actor(self) -> str:
        """The installation that sends the command, where it is another one."""
        return device(self.installation, self.by)

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation, and the one that sends the command."""
        return map(Installation, filter(None, (self.installation, self.by)))

    def decide(self, work: UnitOfWork) -> Depersonalized:
        """Raise NoRegistration, or Forbidden for an installation of another person."""
        installation = acted_on(work, self.installation, self.by)
        owner = work.owner(installation)
        if owner is not None and self.of is not None and not is_named(work, owner, self.of):
            # A logout that was queued must not log out the next person, nor name them (R43).
            return Depersonalized("superseded", (self.installation,))
        return depart(work, installation, self.reason)


@dataclass(frozen=True, slots=True)
class DepersonalizeAll:
    """Unbind every installation of a person (R22), of those that the caller may touch."""

    ANSWER: ClassVar = Depersonalized

    person: str
    reason: DepersonalizeReason

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the person."""
        return (Person(self.person),)

    def decide(self, work: UnitOfWork) -> Depersonalized:
        """Raise UnknownPerson if nobody has that id."""
        person = work.person(self.person)
        devices = {
            name: each
            for each in work.group(person)
            for name, application in each.devices.items()
            if work.within in (None, application)
        }
        work.open(*map(Installation, devices))
        for name, owner in devices.items():
            # No successor: the flag would only wander over installations that leave as well.
            unbind(work.occasion, work.get(Installation, name), owner, self.reason)
        return Depersonalized(
            "depersonalized" if devices else "unchanged",
            tuple(devices),
            work.seen(person).name,
            work.primary_moves(),
        )


@dataclass(frozen=True, slots=True)
class EndSession:
    """Unbind an installation whose session is still as old as the caller saw it (R26)."""

    ANSWER: ClassVar = Depersonalized

    installation: str
    before: datetime

    actor = "policy:session"

    def opens(self, key: bytes) -> Iterable[Aggregate]:
        """Return the installation."""
        return (Installation(self.installation),)

    def decide(self, work: UnitOfWork) -> Depersonalized:
        """Read again within the transaction, for a touch may have come in between."""
        installation = unused(work, self.installation, self.before)
        if installation is None:
            return Depersonalized("unchanged", (self.installation,))
        return depart(work, installation, "session_expired")


def unused(
    work: UnitOfWork, name: str, before: datetime, *, anonymous: bool = False
) -> Installation | None:
    """Return an installation if somebody is signed in on it who has not used it since a moment.

    Read models do not show what other commands of the same transaction have done; the aggregate
    does.

    Args:
        work: the unit of work.
        name: the installation's id.
        before: the moment.
        anonymous: return it if nobody is signed in on it, it has not expired and was not used.
    """
    seen = work.last_seen(name)
    installation = work.get(Installation, name)
    since = installation.anonymous_from if anonymous else installation.bound_at
    if seen is None or since is None:
        return None
    return None if max(seen, since) > before else installation


def depart(
    work: UnitOfWork, installation: Installation, reason: DepersonalizeReason
) -> Depersonalized:
    """Unbind an installation and return the answer."""
    person = work.seen_owner(installation)
    leave(work, installation, reason)
    moves = work.primary_moves()
    return Depersonalized(
        "depersonalized" if person else "unchanged", (installation.name,), person, moves
    )


def leave(
    work: UnitOfWork,
    installation: Installation,
    reason: DepersonalizeReason,
    superseded_by: str | None = None,
) -> None:
    """Unbind an installation from its person, if it has one."""
    if person := work.owner(installation):
        heir = heir_of(work, installation, person)
        unbind(work.occasion, installation, person, reason, heir, superseded_by)


def heir_of(
    work: UnitOfWork, installation: Installation, person: Person
) -> tuple[Installation, Person] | None:
    """Return the installation that inherits a primary one's flag, and its person (R24).

    With the policy ``most_recent`` it is the one of the same application that the person was bound
    to last, or a person who is merged with this one.
    """
    if not installation.primary or work.rules.successor != "most_recent":
        return None
    heirs: list[tuple[Installation, Person]] = []
    for each in work.group(person):
        names = [
            name
            for name, application in each.devices.items()
            if application == installation.application and name != installation.name
        ]
        if names:
            heirs.append((work.installation(names[-1]), each))
    return max(heirs, key=lambda heir: heir[0].bound_at or OLDEST, default=None)


def is_named(work: UnitOfWork, person: Person, name: str) -> bool:
    """Return whether a name is the id or external id of a person, or of one merged with them."""
    return any(each.is_named(name) for each in work.group(person))


def acted_on(work: UnitOfWork, name: str, by: str | None) -> Installation:
    """Return the installation that a command acts on; only its person's own may (R21)."""
    if by is None or by == name:
        return work.installation(name)
    caller, installation = work.installation(by), work.installation(name)
    if not same_person(work, caller, installation):
        raise Forbidden(name, by)
    return installation


def device(name: str, by: str | None) -> str:
    """Return the actor of a command that one installation may give for another."""
    return "device" if by in (None, name) else f"device:{by}"


def same_person(work: UnitOfWork, one: Installation, other: Installation) -> bool:
    """Return whether two installations have a person, and the same one as persons are seen."""
    if one.person is None or other.person is None or one.person == other.person:
        return one.person is not None and one.person == other.person
    work.open(Person(one.person), Person(other.person))
    return work.seen_owner(one) == work.seen_owner(other)
