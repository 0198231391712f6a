"""A person: an end user, with or without identifiers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar, NamedTuple, Self

from .. import events, limits
from ..errors import LimitExceeded, UserMergeInterrupted
from ..person_identifiers import Identifier
from ..values import Value
from .base import Aggregate, Appliers, Occasion, differing, grown, overwrite, tag_changes


class Link(NamedTuple):
    """That a person is merged into another one (R52).

    Args:
        merge: the id of the merge.
        survivor: the other person.
        primaries: application → installation that lost its flag by the merge.
    """

    merge: str
    survivor: str
    primaries: Mapping[str, str]


class Person(Aggregate):
    """A person: identifiers, attributes, tags, and the installations bound to the person."""

    CATEGORY = "person"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.type: events.PersonType = "LEAD"
        self.identifiers: dict[Identifier, None] = {}
        self.attributes: dict[str, Value] = {}
        self.tags: set[str] = set()
        self.devices: dict[str, str] = {}
        """Installation → application, in binding order."""
        self.primaries: dict[str, str] = {}
        """Application → primary installation (R23)."""
        self.met: frozenset[str] = frozenset()
        """Applications that the person was ever signed in to (R56)."""
        self.erasing = False
        """Whether an erasure of the person has begun, or is done (R51)."""
        self.destroyed_keys: tuple[str, ...] | None = None
        """The keys that an erasure has destroyed, once it is done."""
        self.link: Link | None = None
        """The merge of the person into another one, if there is one."""
        self.merged: tuple[str, ...] = ()
        """Persons that are merged into this one, in merge order."""
        self.ever_merged = False
        """Whether the person has ever been merged with another one."""

    @property
    def links(self) -> tuple[str, ...]:
        """The persons that a merge links with this one, either way."""
        return self.merged if self.link is None else (*self.merged, self.link.survivor)

    @property
    def identified(self) -> bool:
        """Whether the person has any identifier; without one it is an unidentified lead."""
        return bool(self.identifiers)

    def values(self, kind: str) -> list[str]:
        """Return the identifiers of one kind, in the order they were added."""
        return [value for held, value in self.identifiers if held == kind]

    def is_named(self, name: str) -> bool:
        """Return whether a name is the person's id or external id."""
        return name == self.name or ("external_id", name) in self.identifiers

    def known_in(self, application: str | None) -> bool:
        """Return whether an application has ever met the person; True for None."""
        return application is None or application in self.met

    def draft(self) -> Self:
        """Return a draft with its own containers."""
        twin = super().draft()
        twin.identifiers, twin.attributes = {**self.identifiers}, {**self.attributes}
        twin.tags, twin.devices, twin.primaries = {*self.tags}, {**self.devices}, {**self.primaries}
        return twin

    def contents(self) -> Collection[object]:
        """Return the person's data and devices; the identifiers by their values."""
        found: list[object] = [value for _, value in self.identifiers]
        found += self.tags
        found += self.devices  # applications are a few
        found += self.attributes
        found += self.attributes.values()
        return found

    def growth(self) -> dict[str, int]:
        """Return the numbers of attributes and tags that this draft has increased, and tagging.

        Where the person is merged with others, tagging is that of the person who is seen.
        """
        before = self.before or self
        sizes = grown(before, self)
        if self.tags != before.tags and (len(self.devices) > 1 or self.links):
            sizes["tagging"] = self.tagging(before)
        return sizes

    def tagging(self, before: Person) -> int:
        """Return the number of changed tags times that of installations: what it costs the index.

        Args:
            before: the person before the command.
        """
        return len(before.tags ^ self.tags) * len(self.devices)

    def check_room(self, new: Collection[Identifier]) -> None:
        """Check that the person may receive identifiers.

        Raises:
            UserMergeInterrupted: the person has another external id (R12).
            LimitExceeded: the person would have too many identifiers of a kind (R4).
        """
        if not new or not self.identifiers:
            return  # an identity has no more identifiers than a person may have
        if self.values("external_id") and any(kind == "external_id" for kind, _ in new):
            raise UserMergeInterrupted("external_id", "differs from the one the person has")
        for kind in ("msisdn", "email"):
            count = len(self.values(kind)) + sum(held == kind for held, _ in new)
            if count > limits.CONTACTS:
                raise LimitExceeded(f"{kind}s", limits.CONTACTS, count, unit="values")

    def add_identifier(self, occasion: Occasion, identifier: Identifier) -> None:
        """Record a new identifier; the caller claims it."""
        kind, value = identifier
        self.record(events.IdentifierAdded, occasion, kind=kind, value=value)

    def remove_identifier(self, occasion: Occasion, identifier: Identifier) -> None:
        """Record that the person lost an identifier; the caller releases it."""
        kind, value = identifier
        self.record(events.IdentifierRemoved, occasion, kind=kind, value=value)

    def promote(self, occasion: Occasion) -> None:
        """Promote a lead to a customer; a customer stays a customer (R16)."""
        if self.type == "LEAD":
            self.record(events.PersonPromoted, occasion)

    def update(self, occasion: Occasion, attributes: events.Values) -> None:
        """Record the attributes that differ, if any (R15)."""
        if changes := differing(self.attributes, attributes):
            self.record(events.PersonUpdated, occasion, attributes=changes)

    def change_tags(self, occasion: Occasion, add: frozenset[str], remove: frozenset[str]) -> None:
        """Add and remove tags; a name in both is removed (R28)."""
        if changes := tag_changes(self.tags, add, remove):
            self.record(events.PersonTagged, occasion, **changes)

    def note_export(self, occasion: Occasion, application: str | None) -> None:
        """Record that the person's data is handed out, of one application or of all."""
        self.record(events.PersonExported, occasion, application=application)

    def request_erasure(self, occasion: Occasion, segments: Collection[str]) -> None:
        """Record that the person is gone, and the segments that name the person."""
        self.record(events.ErasureRequested, occasion, segments=sorted(segments))

    def note_erased(
        self, occasion: Occasion, keys: Collection[str], fingerprint: str, number: int
    ) -> None:
        """Record that the keys of so many events are destroyed."""
        fields = {"keys": sorted(keys), "fingerprint": fingerprint, "events": number}
        self.record(events.PersonErased, occasion, **fields)

    def _created(self, event: events.PersonCreated) -> None:
        self.type = event.type

    def _promoted(self, _: events.PersonPromoted) -> None:
        self.type = "CUSTOMER"

    def _updated(self, event: events.PersonUpdated) -> None:
        overwrite(self.attributes, event.attributes)

    def _tagged(self, event: events.PersonTagged) -> None:
        self.tags.update(event.added)
        self.tags.difference_update(event.removed)

    def _exported(self, _: events.PersonExported) -> None:
        """Change nothing."""

    def _identifier_added(self, event: events.IdentifierAdded) -> None:
        if event.value:  # it is empty once it is erased
            self.identifiers[event.identifier] = None

    def _identifier_removed(self, event: events.IdentifierRemoved) -> None:
        self.identifiers.pop(event.identifier, None)

    def _erasure_requested(self, _: events.ErasureRequested) -> None:
        self.erasing = True
        self.identifiers.clear()
        self.attributes.clear()
        self.tags.clear()

    def _erased(self, event: events.PersonErased) -> None:
        self.destroyed_keys = event.keys

    def _personalized(self, event: events.DevicePersonalized) -> None:
        self.devices[event.installation] = event.application
        if event.application not in self.met:
            self.met |= {event.application}

    def _depersonalized(self, event: events.DeviceDepersonalized) -> None:
        self.devices.pop(event.installation, None)

    def _primary_changed(self, event: events.PrimaryChanged) -> None:
        if event.current is None:
            self.primaries.pop(event.application, None)
        else:
            self.primaries[event.application] = event.current

    def _persons_merged(self, event: events.PersonsMerged) -> None:
        self.ever_merged = True
        if event.merged == self.name:
            self.link = Link(event.merge, event.survivor, event.primaries)
        else:
            self.merged += (event.merged,)

    def _persons_unmerged(self, event: events.PersonsUnmerged) -> None:
        if event.merged == self.name:
            self.link = None
        else:
            self.merged = tuple(name for name in self.merged if name != event.merged)

    def _merged_person_changed(self, _: events.MergedPersonChanged) -> None:
        """Change nothing."""

    APPLIERS: ClassVar[Appliers] = {
        events.PersonCreated: _created,
        events.PersonPromoted: _promoted,
        events.PersonUpdated: _updated,
        events.PersonTagged: _tagged,
        events.PersonExported: _exported,
        events.ErasureRequested: _erasure_requested,
        events.PersonErased: _erased,
        events.IdentifierAdded: _identifier_added,
        events.IdentifierRemoved: _identifier_removed,
        events.DevicePersonalized: _personalized,
        events.DeviceDepersonalized: _depersonalized,
        events.PrimaryChanged: _primary_changed,
        events.PersonsMerged: _persons_merged,
        events.PersonsUnmerged: _persons_unmerged,
        events.MergedPersonChanged: _merged_person_changed,
    }
