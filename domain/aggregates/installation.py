"""One copy of an app on one device."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import ClassVar, Self

from .. import events
from ..address import ADDRESS_FACTS, Address, address_of
from ..values import Scalar, Value
from .base import Aggregate, Appliers, Occasion, differing, grown, overwrite, tag_changes

FACTS: dict[str, int] = {
    "os": 50,
    "os_version": 100,
    "sdk_version": 100,
    "app_version": 100,
    "device_manufacturer": 250,
    "device_model": 250,
    "device_name": 250,
    "language": 50,
    "timezone": 100,
    "push_service": 50,
    "push_token": 4096,
    "fid": 256,
    "apns_environment": 50,
    "apns_topic": 256,
    "webpush_p256dh": 256,
    "webpush_auth": 256,
    "application_user_id": 256,
}
"""Device facts with a string value → the value's limit in characters."""
FLAG_FACTS = frozenset({"device_secure"})
"""Device facts with a Boolean value."""


class Installation(Aggregate):
    """An installation: its person, the facts of its device, and whether pushes reach it."""

    CATEGORY = "installation"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.application = ""
        self.facts: dict[str, Scalar] = {}
        self.attributes: dict[str, Value] = {}
        self.tags: set[str] = set()
        self.push_enabled = True
        self.notifications_enabled = True
        self.person: str | None = None
        self.bound_at: datetime | None = None
        self.anonymous_from: datetime | None = None
        """Since when nobody is signed in on it; None once it has expired."""
        self.primary = False
        self.expired: events.ExpiryReason | None = None
        self.address: Address | None = None
        """Where a push reaches it; none once it has expired."""
        self.erasing = False
        """Whether its erasure has begun."""
        self.destroyed_keys: tuple[str, ...] | None = None
        """Ids of the keys that its erasure has destroyed, once it is done."""

    @property
    def live(self) -> bool:
        """Whether it is registered and has not expired."""
        return self.exists and self.expired is None

    def draft(self) -> Self:
        """Return a draft with its own containers."""
        twin = super().draft()
        twin.facts, twin.attributes, twin.tags = {**self.facts}, {**self.attributes}, {*self.tags}
        return twin

    def contents(self) -> Collection[object]:
        """Return what a device and its host set."""
        return [*self.facts.values(), *self.tags, *self.attributes, *self.attributes.values()]

    def growth(self) -> dict[str, int]:
        """Return the numbers of attributes and tags that this draft has increased."""
        return grown(self.before or self, self)

    def update(
        self,
        occasion: Occasion,
        facts: events.Facts,
        attributes: events.Values,
        *,
        push_enabled: bool | None,
        notifications_enabled: bool | None,
    ) -> None:
        """Record the changes that have an effect, if any (R8)."""
        changes = {
            "facts": differing(self.facts, facts),
            "attributes": differing(self.attributes, attributes),
            "push_enabled": None if push_enabled == self.push_enabled else push_enabled,
            "notifications_enabled": (
                None
                if notifications_enabled == self.notifications_enabled
                else notifications_enabled
            ),
        }
        changes = {name: change for name, change in changes.items() if change not in (None, {})}
        if changes:
            self.record(events.InstallationUpdated, occasion, **changes)

    def change_tags(self, occasion: Occasion, add: frozenset[str], remove: frozenset[str]) -> None:
        """Add and remove tags; a name in both is removed (R28)."""
        if changes := tag_changes(self.tags, add, remove):
            self.record(events.InstallationTagged, occasion, **changes)

    def restate(self, occasion: Occasion, lost: Collection[str], gone: Collection[str]) -> None:
        """Record again what events say that are erased.

        Nobody needs the state of an installation that has expired.

        Args:
            occasion: of the command.
            lost: the facts that they say.
            gone: those of them that are erased with them.
        """
        self.record(
            events.InstallationRestated,
            occasion,
            facts={
                name: None if self.expired or name in gone else self.facts.get(name)
                for name in sorted(lost)
            },
            attributes={} if self.expired else self.attributes,
            tags=[] if self.expired else sorted(self.tags),
            since=self.address and self.address.since,
            partial=True,
        )

    def request_erasure(self, occasion: Occasion) -> None:
        """Record that the state of the installation, which has expired, is gone."""
        self.record(events.InstallationErasureRequested, occasion)

    def note_erased(
        self, occasion: Occasion, keys: Collection[str], fingerprint: str, number: int
    ) -> None:
        """Record that the keys of so many events are destroyed."""
        fields = {"keys": sorted(keys), "fingerprint": fingerprint, "events": number}
        self.record(events.InstallationErased, occasion, **fields)

    def _registered(self, event: events.InstallationRegistered) -> None:
        self.application = event.application
        self.anonymous_from = event.timestamp
        self.push_enabled = event.push_enabled
        self.notifications_enabled = event.notifications_enabled
        overwrite(self.facts, event.facts)
        overwrite(self.attributes, event.attributes)
        self._readdress(event)

    def _updated(self, event: events.InstallationUpdated) -> None:
        overwrite(self.facts, event.facts)
        overwrite(self.attributes, event.attributes)
        self._readdress(event)
        if event.push_enabled is not None:
            self.push_enabled = event.push_enabled
        if event.notifications_enabled is not None:
            self.notifications_enabled = event.notifications_enabled

    def _tagged(self, event: events.InstallationTagged) -> None:
        self.tags.update(event.added)
        self.tags.difference_update(event.removed)

    def _restated(self, event: events.InstallationRestated) -> None:
        self.attributes, self.tags = {}, {*event.tags}
        if not event.partial:
            self.facts = {}
        overwrite(self.facts, event.facts)
        overwrite(self.attributes, event.attributes)
        since = event.since or event.timestamp
        self.address = None if self.expired else address_of(self.name, self.facts, since)

    def _personalized(self, event: events.DevicePersonalized) -> None:
        self.person = event.person
        self.bound_at = event.timestamp
        self.anonymous_from = None

    def _depersonalized(self, event: events.DeviceDepersonalized) -> None:
        self.person = self.bound_at = None
        self.anonymous_from = event.timestamp
        self.primary = False
        # R20: nothing that was set while the person held the installation leaks to the next one.
        self.attributes.clear()
        self.tags.clear()

    def _primary_changed(self, event: events.PrimaryChanged) -> None:
        self.primary = event.current == self.name

    def _expired(self, event: events.InstallationExpired) -> None:
        self.expired = event.reason
        self.address = self.anonymous_from = None

    def _erasure_requested(self, _: events.InstallationErasureRequested) -> None:
        self.erasing = True
        self.facts.clear()
        self.attributes.clear()
        self.tags.clear()

    def _erased(self, event: events.InstallationErased) -> None:
        self.destroyed_keys = event.keys

    def _readdress(self, event: events.InstallationRegistered | events.InstallationUpdated) -> None:
        """Follow what an event says of the address; one that stays keeps its time."""
        if ADDRESS_FACTS.isdisjoint(event.facts):
            return
        known, now = self.address, address_of(self.name, self.facts, event.timestamp)
        if known is None or now is None or known[:3] != now[:3]:
            self.address = now

    APPLIERS: ClassVar[Appliers] = {
        events.InstallationRegistered: _registered,
        events.InstallationUpdated: _updated,
        events.InstallationTagged: _tagged,
        events.InstallationExpired: _expired,
        events.InstallationRestated: _restated,
        events.InstallationErasureRequested: _erasure_requested,
        events.InstallationErased: _erased,
        events.DevicePersonalized: _personalized,
        events.DeviceDepersonalized: _depersonalized,
        events.PrimaryChanged: _primary_changed,
    }
