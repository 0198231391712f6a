"""Merging persons and taking it back, each with a preview (R52)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Unpack

from addressee.domain import (
    DevicePersonalized,
    Event,
    IdentifierAdded,
    MergeRefusal,
    Person,
    PersonsMerged,
    PersonTagged,
    PersonUpdated,
    Value,
    limits,
    values,
)
from addressee.domain.aggregates.merging import conflicts_of, digest_of, refusal_of

from .. import commands
from ..ports.read_model_changes import InstallationChange
from ..read_models.states import PersonState
from ..unit_of_work.command_context import Context
from ..unit_of_work.results import Merged, PrimaryMove
from ..unit_of_work.unit_of_work import UnitOfWork
from .persons import PersonCommands

EMPTY: Mapping[str, tuple[Value, Value]] = MappingProxyType({})
MERGE_ID = limits.NAME + 24
"""Longest id of a merge, in characters: a person's id, a dot and a number."""


@dataclass(frozen=True, slots=True)
class AudienceChange:
    """The audience terms that one installation gains and loses; its ``repr`` shows none.

    Attributes:
        installation: its id.
        application: its application's code.
        gained: terms as audiences write them, such as ``tag:vip``.
        lost: likewise.
    """

    installation: str
    application: str
    gained: tuple[str, ...] = field(repr=False)
    lost: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge does, or taking one back; its ``repr`` shows no personal data.

    Attributes:
        before: the persons as they are seen now; of a merge the survivor, then the other one.
        after: the persons as they are seen then, in the same order.
        conflicts: attribute → the survivor's value, which is seen, and the other's, which is not.
        refusal: why it is refused unless it is forced, or altogether; None if it is not.
        kept: what was recorded since a merge on the survivor and those merged before, and stays
            there, such as ``attributes.plan``, ``tags.vip``, ``emails``, ``installations.phone``.
        primary_moves: the primary flags that move.
        audiences: what changes for audiences, by installation.
        digest: what `merge` and `unmerge` need to know that nothing has changed since.
    """

    before: tuple[PersonState, ...]
    after: tuple[PersonState, ...]
    conflicts: Mapping[str, tuple[Value, Value]] = field(repr=False)
    refusal: MergeRefusal | None
    kept: tuple[str, ...] = field(repr=False)
    primary_moves: tuple[PrimaryMove, ...]
    audiences: tuple[AudienceChange, ...]
    digest: str


class MergeCommands(PersonCommands):
    """The part of `Personalization` that merges persons."""

    def merge(
        self,
        survivor: str,
        merged: str,
        *,
        digest: str,
        force: str | None = None,
        **context: Unpack[Context],
    ) -> Merged:
        """Have two persons count as one from now on; nothing is moved or deleted.

        Installations, identifiers and tags of both are then the survivor's, in every answer. Where
        attributes differ the survivor's is seen. The other id stays valid, for the same person.

        Args:
            survivor: id of the person as whom both are seen.
            merged: id of the other.
            digest: that of `preview_merge`.
            force: the reason why they are merged although each has an external id.

        Raises:
            UnknownPerson: nobody has one of the ids.
            MergeOutdated: one of them has changed since the preview.
            MergeRefused: they are one person already, each has an external id, or the caller is
                confined to an application and another one has met one of them.
            LimitExceeded: together they would have too many identifiers, or too many persons would
                be one, or too much changes in audiences at once.
        """
        return self.run(merge_command(survivor, merged, digest, force), context)

    def unmerge(
        self, merge: str, *, digest: str | None = None, **context: Unpack[Context]
    ) -> Merged:
        """Take a merge back: both persons are as their own streams say.

        Args:
            merge: its id.
            digest: that of `preview_unmerge`; None if nobody looked at one.

        Raises:
            UnknownMerge: there is none, or it was taken back.
            MergeRefused: the caller is confined to an application, and another one has met them.
            MergeOutdated: one of them has changed since the preview.
        """
        return self.run(unmerge_command(merge, digest), context)

    def preview_merge(self, survivor: str, merged: str, **context: Unpack[Context]) -> MergePreview:
        """Return what `merge` would do; nothing is recorded.

        Arguments and errors as there. What can be forced is no error but the preview's ``refusal``.
        """
        command = merge_command(survivor, merged, None, None)
        with self.execution.rehearsing(context) as work:
            one, other = (commands.group_known(work, name) for name in (survivor, merged))
            digest, seen = digest_of(one, other), (work.seen(one[0]), work.seen(other[0]))
            refusal = refusal_of(*seen, work.within)
            command = replace(command, force="") if refusal == "external_ids" else command
            answer = command.decide(work)
            return preview_of(work, answer, digest, conflicts=conflicts_of(*seen), refusal=refusal)

    def preview_unmerge(self, merge: str, **context: Unpack[Context]) -> MergePreview:
        """Return what `unmerge` would do; nothing is recorded. Arguments and errors as there."""
        command = unmerge_command(merge, None)
        with self.execution.rehearsing(context) as work:
            digest = digest_of(work.group(work.get(Person, command.merged)))
            answer = command.decide(work)
            return preview_of(work, answer, digest, kept=facts_since(work, answer))


def preview_of(  # noqa: PLR0913 # the parts of a preview
    work: UnitOfWork,
    answer: Merged,
    digest: str,
    *,
    conflicts: Mapping[str, tuple[Value, Value]] = EMPTY,
    refusal: MergeRefusal | None = None,
    kept: tuple[str, ...] = (),
) -> MergePreview:
    """Return what a command has decided, whose events are not recorded."""
    persons = [work.get(Person, name) for name in (answer.survivor, answer.merged)]
    before = {each.name: each for each in map(work.seen_before, persons)}
    after = {each.name: each for each in map(work.seen, persons)}
    changes = work.changes().installations
    return MergePreview(
        tuple(PersonState.of(person, work.within) for person in before.values()),
        tuple(PersonState.of(person, work.within) for person in after.values()),
        MappingProxyType(conflicts),
        refusal,
        kept,
        answer.primary_moves,
        tuple(audience_change(each) for each in changes if each.gained or each.lost),
        digest,
    )


def audience_change(change: InstallationChange) -> AudienceChange:
    """Return what changes for audiences on one installation."""
    gained, lost = tuple(sorted(change.gained)), tuple(sorted(change.lost))
    return AudienceChange(change.installation, change.application, gained, lost)


def facts_since(work: UnitOfWork, answer: Merged) -> tuple[str, ...]:
    """Return what was recorded on a survivor, and on those who stay merged, since a merge."""
    staying = work.group(work.get(Person, answer.survivor))
    streams = work.streams([Person(answer.merged), *staying])
    merged = streams[Person(answer.merged).id]
    since = next(
        position
        for position, event in merged
        if isinstance(event, PersonsMerged) and event.merge == answer.merge
    )
    later = sorted(each for s in staying for each in streams[s.id] if each.position > since)
    return tuple(dict.fromkeys(fact for _, event in later for fact in facts_in(event)))


def facts_in(event: Event) -> Iterator[str]:
    """Yield the names of what an event says of a person."""
    match event:
        case PersonUpdated():
            yield from (f"attributes.{name}" for name in event.attributes)
        case PersonTagged():
            yield from (f"tags.{name}" for name in (*event.added, *event.removed))
        case IdentifierAdded():
            yield f"identifiers.{event.kind}"
        case DevicePersonalized():
            yield f"installations.{event.installation}"
        case _:
            pass


def merge_command(
    survivor: str, merged: str, digest: str | None, force: str | None
) -> commands.Merge:
    """Return the command; raises InvalidValue or LimitExceeded for an argument."""
    return commands.Merge(
        values.identifier("survivor", survivor),
        values.identifier("merged", merged),
        None if digest is None else values.text("digest", digest, limits.NAME),
        None if force is None else values.text("force", force, limits.NAME, least=1),
    )


def unmerge_command(merge: str, digest: str | None) -> commands.Unmerge:
    """Return the command; raises InvalidValue or LimitExceeded for an argument."""
    return commands.Unmerge(
        values.text("merge", merge, MERGE_ID, least=1),
        None if digest is None else values.text("digest", digest, limits.NAME),
    )
