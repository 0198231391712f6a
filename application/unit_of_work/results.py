"""The results of commands.

``position`` is the ledger position from which on the answer holds; it is filled in once the store
has given it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class PrimaryMove:
    """A person's primary installation in an application became another one, or none (R23)."""

    application: str
    person: str
    previous: str | None
    current: str | None


@dataclass(frozen=True, slots=True)
class Registered:
    """Answer of ``register``.

    Attributes:
        outcome: ``registered``, or ``unchanged`` or ``updated`` for an id that was known (R6).
        installation: its id.
        superseded: the older installation that lost its push token to this one (R7).
    """

    outcome: Literal["registered", "updated", "unchanged"]
    installation: str
    superseded: str | None = None
    position: int = 0


PersonalizeOutcome = Literal["attached", "promoted", "rebound", "unchanged"]


@dataclass(frozen=True, slots=True)
class Personalized:
    """Answer of ``personalize`` (R17).

    Attributes:
        outcome: ``attached`` to a person it did not belong to, ``promoted`` with its person from
            lead, ``rebound`` from another person, or ``unchanged``.
        installation: its id.
        person: the person who has it now.
        previous_person: the person who lost it, if any.
        primary_moves: the primary flags that moved.
    """

    outcome: PersonalizeOutcome
    installation: str
    person: str
    previous_person: str | None = None
    primary_moves: tuple[PrimaryMove, ...] = field(default=())
    position: int = 0


@dataclass(frozen=True, slots=True)
class Depersonalized:
    """Answer of ``depersonalize``, ``depersonalize_all`` and ``expire``.

    Attributes:
        outcome: ``depersonalized``, ``expired``, ``unchanged`` where nobody was bound (R18), or
            ``superseded`` where another person than the one who was meant is bound (R43).
        installations: those that were named; of a person, those that were unbound.
        person: the person who lost them, if any.
        primary_moves: the primary flags that moved.
    """

    outcome: Literal["depersonalized", "expired", "unchanged", "superseded"]
    installations: tuple[str, ...]
    person: str | None = None
    primary_moves: tuple[PrimaryMove, ...] = field(default=())
    position: int = 0


@dataclass(frozen=True, slots=True)
class Updated:
    """Answer of the commands that change what is known of an installation or a person.

    Attributes:
        outcome: ``updated``, or ``unchanged`` where all of it was known already.
        installation: the installation that the command named, if it named one.
        person: the person concerned, if there is one. Where a command reads no person, as one that
            changes an installation, it may be one who is merged into another.
        primary_moves: the primary flags that moved.
    """

    outcome: Literal["updated", "unchanged"]
    installation: str | None = None
    person: str | None = None
    primary_moves: tuple[PrimaryMove, ...] = field(default=())
    position: int = 0


@dataclass(frozen=True, slots=True)
class Merged:
    """Answer of ``merge`` and ``unmerge`` (R52).

    Attributes:
        outcome: ``merged`` or ``unmerged``.
        merge: the id of the merge, by which it can be taken back.
        survivor: the person as whom both are seen, or were seen.
        merged: the other person.
        primary_moves: the primary flags that moved.
    """

    outcome: Literal["merged", "unmerged"]
    merge: str
    survivor: str
    merged: str
    primary_moves: tuple[PrimaryMove, ...] = field(default=())
    position: int = 0


@dataclass(frozen=True, slots=True)
class Inactivity:
    """The installations of an application that nobody uses (R54).

    Attributes:
        application: its code.
        stale: those that were not used for its ``stale_after``; pushes still reach them.
        expiring: those that would expire, having been unused for its ``expire_after``.
        ending: the others whose session would end.
        anonymous: those that nobody is signed in on and that would expire, having been unused for
            its ``expire_anonymous_after``.
    """

    application: str
    stale: tuple[str, ...]
    expiring: tuple[str, ...]
    ending: tuple[str, ...]
    anonymous: tuple[str, ...] = ()


Result = Registered | Personalized | Depersonalized | Updated | Merged
