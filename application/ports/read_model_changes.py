"""What a transaction changes in the read models."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from addressee.domain import Address


@dataclass(slots=True)
class InstallationChange:
    """What becomes of one installation's row and postings.

    Args:
        installation: its id.
        application: its application's code.
        new: whether it gets its row, and its ordinal, only now.
        moved: whether ``person`` and ``bound_at`` are others than before.
        person: whose it is, if anybody's.
        bound_at: since when.
        gained: terms that hold now and did not.
        lost: terms that held and do not now.
        flags: which of `FLAGS` hold now, where others did before, it is new or moved, or
            ``anonymous_from`` is another; else None.
        anonymous_from: where ``flags`` are given: since when nobody is signed in on it; None where
            somebody is, or it has expired.
        readdressed: whether ``address`` is another than before.
        address: where a push reaches it, if anywhere.
    """

    installation: str
    application: str
    new: bool = False
    moved: bool = False
    person: str | None = None
    bound_at: datetime | None = None
    gained: AbstractSet[str] = frozenset()
    lost: AbstractSet[str] = frozenset()
    flags: int | None = None
    anonymous_from: datetime | None = None
    readdressed: bool = False
    address: Address | None = None


@dataclass(slots=True)
class Changes:
    """What one transaction changes in the read models.

    Args:
        installations: rows that are new, change hands or change terms.
        holders: claim stream → person who holds the identifier now, or None.
        segments: application and name → the expression it stands for now, or None.
        erased: person, or stream of an installation → ids of the keys that an erasure has destroyed
            (R51).
    """

    installations: list[InstallationChange] = field(default_factory=list[InstallationChange])
    holders: dict[str, str | None] = field(default_factory=dict[str, str | None])
    segments: dict[tuple[str, str], str | None] = field(
        default_factory=dict[tuple[str, str], str | None]
    )

    erased: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def postings(self) -> int:
        """Return how many terms installations gain or lose."""
        return sum([len(each.gained) + len(each.lost) for each in self.installations])

    def then(self, later: Changes) -> None:
        """Add what a later command of the same transaction changes."""
        self.installations += later.installations
        self.holders |= later.holders
        self.segments |= later.segments
        self.erased |= later.erased
