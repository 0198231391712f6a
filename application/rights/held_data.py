"""Everything that a store holds about one person, read from the ledger and the pushes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import itemgetter

from addressee.domain import (
    DeviceDepersonalized,
    DevicePersonalized,
    Identifier,
    IdentifierAdded,
    IdentifierRemoved,
    Installation,
    InstallationEvent,
    Person,
    PersonsMerged,
    PersonsUnmerged,
)

from ..history import History
from ..ports.delivery.dispatches import SendingStore
from ..ports.records import Recorded
from ..ports.store import Store
from ..read_models.sent_pushes import SentPush, pushes_to
from .own_events import Row, facts_shown, line_of, while_held, written

FLAGS = ("push_enabled", "notifications_enabled")
PAGE = 100
"""How many dispatches are read at once."""


@dataclass(frozen=True, slots=True)
class HeldData:
    """What an export shows.

    Attributes:
        summary: the fields of ``person.json``.
        events: the person's events, in ledger order, without those that only a device recorded
            while it was not the person's.
    """

    summary: Row
    events: Sequence[Recorded]


class HeldDataReader:
    """Reads what a store holds about persons, up to a position.

    Args:
        store: where it is.
        history: reads its ledger.
        within: the only application whose installations count; None for all.
        addresses: whether addresses of devices are shown, or masks.
    """

    def __init__(
        self, store: Store, history: History, within: str | None, *, addresses: bool
    ) -> None:
        self._store = store
        self._history = history
        self._within = within
        self._addresses = addresses

    def read(self, person: str, last: int) -> HeldData:
        """Return what is held about a person.

        Memory grows with what there is about the person and with the longest history of a device.
        For one device at a time it also holds the batches of pushes of the device's application
        that its number lies between the first and last member of, with all of their members.

        Args:
            person: the person's id.
            last: the last position that counts.

        Raises:
            UnknownPerson: nobody has that id.
        """
        recorded = upto(self._history.person(person, within=self._within), last)
        state = self._history.person_at(person, last)
        persons = frozenset((state.name, *state.merged))
        applications = applications_of(recorded)
        own = {name: self._own_events(name, persons, last) for name in applications}
        pushes = [
            push
            for name, application in applications.items()
            for push in self._pushes(name, application, persons, last)
        ]
        devices = (
            each for events in own.values() for each in events
            if isinstance(each.event, InstallationEvent)
        )  # fmt: skip
        summary: Row = {
            "person": state.name,
            "merges": [*merge_rows(recorded, persons)],
            "type": state.type,
            "identifiers": [*identifier_rows(recorded)],
            "attributes": state.attributes,
            "tags": sorted(state.tags),
            "installations": [
                self._installation(name, applications[name], events, state)
                for name, events in own.items()
            ],
            "sign_ins": [*sign_in_rows(recorded)],
            "pushes": [*self._push_rows(sorted(pushes, key=lambda push: push.at))],
        }
        return HeldData(summary, sorted((*recorded, *devices), key=itemgetter(0)))

    def lines(self, events: Iterable[Recorded]) -> Iterator[Row]:
        """Yield the lines of the timeline."""
        return (line_of(each, addresses=self._addresses) for each in events)

    def _own_events(
        self, installation: str, persons: AbstractSet[str], last: int
    ) -> list[Recorded]:
        recorded = self._history.installation(installation, within=self._within)
        return [*while_held(upto(recorded, last), persons)]

    def _installation(
        self, name: str, application: str, own: Sequence[Recorded], person: Person
    ) -> Row:
        """Return an installation as the person's own events tell it."""
        device = Installation(name).fold(event for _, event in own)
        told = [
            {flag: getattr(event, flag, None) for flag in FLAGS}
            for _, event in own
        ]  # fmt: skip
        return {
            "installation": name,
            "application": application,
            "signed_in": name in person.devices,
            "primary": person.primaries.get(application) == name,
            "last_seen": self._last_seen(name, person) if name in person.devices else None,
            **{flag: newest(row[flag] for row in told) for flag in FLAGS},
            "facts": facts_shown(device.facts, addresses=self._addresses),
            "attributes": device.attributes,
            "tags": sorted(device.tags),
        }

    def _last_seen(self, installation: str, person: Person) -> str | None:
        """Return when a person's device was last used; None if it is another's by now."""
        device = Installation(installation)
        with self._store.reading() as reader:
            recorded = reader.streams({device.id: 0})[device.id]
            seen = reader.last_seen(installation)
        owner = device.fold(event for _, event in recorded).person
        mine = owner in {person.name, *person.merged}
        return written(seen) if seen and mine else None

    def _pushes(
        self, installation: str, application: str, persons: AbstractSet[str], last: int
    ) -> Iterator[SentPush]:
        """Yield the pushes that left for an installation while it was the person's."""
        if isinstance(self._store, SendingStore):
            with self._store.reading() as view:
                pushes = [*pushes_to(view, installation, application)]
            for push in pushes:
                if push.person in persons and push.position <= last:
                    yield push

    def _push_rows(self, pushes: Sequence[SentPush]) -> Iterator[Row]:
        """Yield pushes with their texts."""
        for start in range(0, len(pushes), PAGE):
            page = pushes[start : start + PAGE]
            texts = self._texts({push.dispatch for push in page})
            for push in page:
                yield {
                    "dispatch": push.dispatch,
                    "installation": push.installation,
                    "at": written(push.at),
                    "outcome": push.outcome,
                    **texts.get(push.dispatch, {}),
                }

    def _texts(self, dispatches: Iterable[str]) -> dict[str, Row]:
        """Return dispatch → title, body and data of its message."""
        if not isinstance(self._store, SendingStore):
            return {}
        with self._store.reading() as view:
            found = [view.dispatch(name) for name in dispatches]
        return {
            each.id: {
                "title": each.message.title,
                "body": each.message.body,
                "data": dict(each.message.data),
            }
            for each in found
            if each is not None
        }


def upto(recorded: Sequence[Recorded], last: int) -> Sequence[Recorded]:
    """Return the events up to a position."""
    return [each for each in recorded if each.position <= last]


def applications_of(recorded: Iterable[Recorded]) -> dict[str, str]:
    """Return installation → application of all that a person was ever signed in on."""
    return {
        event.installation: event.application
        for _, event in recorded
        if isinstance(event, DevicePersonalized)
    }


def newest(values: Iterable[bool | None]) -> bool | None:
    """Return the last value that there is."""
    found = [value for value in values if value is not None]
    return found[-1] if found else None


def identifier_rows(recorded: Iterable[Recorded]) -> Iterable[Row]:
    """Return every identifier that a person had, since when and until when."""
    rows: list[Row] = []
    held: dict[Identifier, Row] = {}
    for _, event in recorded:
        if isinstance(event, IdentifierRemoved):
            if row := held.pop(event.identifier, None):
                row["until"] = written(event.timestamp)
        elif isinstance(event, IdentifierAdded):
            kind, value = event.identifier
            row = {"kind": kind, "value": value, "since": written(event.timestamp), "until": None}
            rows.append(held.setdefault(event.identifier, row))
    return rows


def merge_rows(recorded: Iterable[Recorded], persons: AbstractSet[str]) -> Iterable[Row]:
    """Return every interval in which the person was merged with another one.

    The id of a person who is another one by now is not shown.

    Args:
        recorded: the events of all who are seen as the person.
        persons: their ids.
    """
    rows: dict[str, Row] = {}
    for _, event in recorded:
        if isinstance(event, PersonsMerged):
            both = [name for name in (event.survivor, event.merged) if name in persons]
            since = written(event.timestamp)
            rows.setdefault(event.merge, {"persons": both, "since": since, "until": None})
        elif isinstance(event, PersonsUnmerged):
            rows[event.merge]["until"] = written(event.timestamp)
    return rows.values()


def sign_in_rows(recorded: Iterable[Recorded]) -> Iterable[Row]:
    """Return every interval in which a person was signed in on a device."""
    rows: list[Row] = []
    running: dict[str, Row] = {}
    for _, event in recorded:
        if isinstance(event, DevicePersonalized):
            running[event.installation] = {
                "installation": event.installation,
                "application": event.application,
                "since": written(event.timestamp),
                "until": None,
                "reason": None,
            }
            rows.append(running[event.installation])
        elif isinstance(event, DeviceDepersonalized) and (
            row := running.pop(event.installation, None)
        ):
            row |= {"until": written(event.timestamp), "reason": event.reason}
    return rows
