"""Two persons become one, or two again (R52)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from addressee.domain import (
    Aggregate,
    Installation,
    MergeOutdated,
    MergeRefused,
    Person,
    UnknownMerge,
    UnknownPerson,
)
from addressee.domain.aggregates.merging import (
    check_sizes,
    digest_of,
    merge_persons,
    refusal_of,
    unmerge_persons,
)

from ..unit_of_work.results import Merged
from ..unit_of_work.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Merge:
    """Have two persons count as one; each may stand for several already.

    Args:
        survivor: as whom they are seen.
        merged: the other one.
        digest: that of the preview; None to see what would be.
        force: why it is done although each has an external id, if so.
    """

    ANSWER: ClassVar = Merged

    survivor: str
    merged: str
    digest: str | None
    force: str | None

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:  # as the protocol has it
        """Return both persons."""
        return Person(self.survivor), Person(self.merged)

    def decide(self, work: UnitOfWork) -> Merged:
        """Raise UnknownPerson, MergeOutdated, MergeRefused or LimitExceeded."""
        one, other = (group_known(work, name) for name in (self.survivor, self.merged))
        survivor, merged = work.seen(one[0]), work.seen(other[0])
        if self.digest not in (None, digest_of(one, other)):
            raise MergeOutdated(one[0].id, one[0].version)
        reason = refusal_of(survivor, merged, work.within)
        if reason is not None and not (reason == "external_ids" and self.force is not None):
            raise MergeRefused(reason)
        codes = {*survivor.devices.values(), *merged.devices.values()} or {""}
        check_sizes(survivor, merged, max(work.limits_of(code).tagging for code in codes))
        work.open(*map(Installation, merged.devices))
        merge = merge_persons(work.occasion, one, other, work.installation, self.force)
        return Merged("merged", merge, survivor.name, merged.name, work.primary_moves())


@dataclass(frozen=True, slots=True)
class Unmerge:
    """Take a merge back.

    Args:
        merge: its id, which begins with that of the person who was merged.
        digest: that of the preview; None if nobody looked at one.
    """

    ANSWER: ClassVar = Merged

    merge: str
    digest: str | None = None

    actor = "backend"

    @property
    def merged(self) -> str:
        """The id of the person who was merged."""
        return self.merge.rpartition(".")[0]

    def opens(self, key: bytes) -> Iterable[Aggregate]:  # as the protocol has it
        """Return the person who was merged."""
        return (Person(self.merged),)

    def decide(self, work: UnitOfWork) -> Merged:
        """Raise UnknownMerge, MergeRefused or MergeOutdated."""
        merged = work.get(Person, self.merged)
        if merged.link is None or merged.link.merge != self.merge:
            raise UnknownMerge(self.merge)
        group, survivor = work.group(merged), merged.link.survivor
        seen = work.seen(merged)
        if not seen.known_in(work.within):
            raise UnknownMerge(self.merge)
        if any(person.erasing for person in group):
            raise MergeRefused("erased")
        if work.within is not None and seen.met - {work.within}:
            raise MergeRefused("other_applications")
        if self.digest not in (None, digest_of(group)):
            raise MergeOutdated(group[0].id, group[0].version)
        work.open(*map(Installation, seen.devices))
        persons = {person.name: person for person in group}
        unmerge_persons(work.occasion, merged.name, persons, work.installation)
        return Merged("unmerged", self.merge, survivor, merged.name, work.primary_moves())


def group_known(work: UnitOfWork, name: str) -> list[Person]:
    """Return a person and those merged with the person, the survivor first.

    Raises:
        UnknownPerson: nobody has that id, or nobody that the caller's application has met.
        MergeRefused: the person is erased.
    """
    person = work.get(Person, name)
    if not person.exists or not work.seen(person).known_in(work.within):
        raise UnknownPerson(name)
    if person.erasing:
        raise MergeRefused("erased")
    return work.group(person)
