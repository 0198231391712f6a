"""Events keep their names and shapes for ever (R29, R30)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from eventsourcing.compressor import ZlibCompressor
from eventsourcing.persistence import StoredEvent

from addressee.adapters.ledger_files import opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.application import History, Past, Targeting, import_ledger, verify
from addressee.domain import EVENT_TYPES, Event, StoreDamaged, events, personal_fields

RELEASED = sorted((Path(__file__).parent / "data" / "released").iterdir())
"""What each release that changed a shape has stored, never to be changed: in ``events.jsonl`` every
event that it knew, in ``ledger.jsonl`` a ledger with all of them, as it was exported."""


def test_R29_topics_are_explicit_and_unique() -> None:
    assert all("TOPIC" in event.__dict__ for event in EVENT_TYPES)
    assert len({event.TOPIC for event in EVENT_TYPES}) == len(EVENT_TYPES)
    public = {t for t in vars(events).values() if isinstance(t, type) and issubclass(t, Event)}
    assert {t for t in public if "TOPIC" in t.__dict__} == set(EVENT_TYPES)


def test_R29_personal_data_is_marked() -> None:
    marked = {event.__name__: personal_fields(event) for event in EVENT_TYPES}
    assert {name: fields for name, fields in marked.items() if fields} == {
        "InstallationRegistered": {"facts", "attributes"},
        "InstallationUpdated": {"facts", "attributes"},
        "InstallationTagged": {"added", "removed"},
        "InstallationRestated": {"facts", "attributes", "tags"},
        "PersonUpdated": {"attributes"},
        "PersonTagged": {"added", "removed"},
        "PersonsMerged": {"forced"},
        "IdentifierAdded": {"value"},
        "IdentifierRemoved": {"value"},
        "SegmentDefined": {"expression"},
    }


def stored_in(release: Path) -> list[StoredEvent]:
    rows = map(json.loads, (release / "events.jsonl").read_text().splitlines())
    return [
        StoredEvent(row["stream"], row["version"], row["topic"], row["state"].encode())
        for row in rows
    ]


@pytest.mark.parametrize("release", RELEASED, ids=[path.name for path in RELEASED])
def test_R30_every_shape_ever_stored_is_read(release: Path) -> None:
    for stored in stored_in(release):
        event = EventMapper().to_domain_event(stored)
        again = EventMapper().to_domain_event(EventMapper().to_stored_event(event))
        assert again == event


def test_R30_every_shape_of_today_has_been_stored() -> None:
    mapper, newest = EventMapper(), stored_in(RELEASED[-1])
    assert {stored.topic for stored in newest} == {event.TOPIC for event in EVENT_TYPES}
    for stored in newest:
        assert mapper.to_stored_event(mapper.to_domain_event(stored)) == stored
    for topic, event in ((event.TOPIC, event) for event in EVENT_TYPES):
        fields = {name for name, field in event.model_fields.items() if not field.exclude}
        states = [json.loads(stored.state) for stored in newest if stored.topic == topic]
        assert fields == {name for state in states for name in state}, topic


@pytest.mark.parametrize("release", RELEASED, ids=[path.name for path in RELEASED])
def test_R30_every_ledger_ever_written_is_replayed(release: Path) -> None:
    store = MemoryStore()
    with opened_source(release / "ledger.jsonl") as source:
        end = import_ledger(store, source)
    assert verify(store).differences == ()
    topics = {event.TOPIC for _, event in Past(store, end.last).events(0, 1_000)}
    assert topics >= {stored.topic for stored in stored_in(release)}
    reach, history = Targeting(store), History(store)
    assert reach.preview("shop", "external_id:bob and not segment:gold") == ["tablet"]
    [*_, defined] = (r for r in history.actor("backend") if "Defined" in r.event.TOPIC)
    asked = "itag:kiosk and segment:gold"
    assert reach.as_of(defined.position).preview("shop", asked) == ["tablet"]
    [claimed, released] = history.identifier("email", "ali@x.com")
    at = claimed.event.timestamp
    assert history.who("tablet", at) is None
    assert reach.as_of(at).preview("shop", "email:ali@x.com and tag:vip") == ["id-1"]
    assert reach.as_of(released.position).count("shop", "email:ali@x.com") == 0


def test_R30_a_compressor_is_kept_to() -> None:
    plain, squeezed = EventMapper(), EventMapper(compressor=ZlibCompressor())
    for stored in stored_in(RELEASED[-1]):
        event = plain.to_domain_event(stored)
        small = squeezed.to_stored_event(event)
        assert small.state != stored.state
        assert squeezed.to_domain_event(small) == event


@pytest.mark.parametrize(
    ("topic", "state"),
    [
        ("addressee.Unheard", b"{}"),
        ("addressee.PersonPromoted", b"{"),
        ("addressee.PersonPromoted", b"\xff\xfe"),
        ("addressee.DevicePersonalized", b'{"actor":"device","timestamp":"2026-01-01T00:00:00Z"}'),
    ],
)
def test_R30_what_can_t_be_read_is_named(topic: str, state: bytes) -> None:
    with pytest.raises(StoreDamaged, match=r"event 3 of stream person:x \(addressee\."):
        EventMapper().to_domain_event(StoredEvent("person:x", 3, topic, state))


def test_R30_events_can_t_be_changed() -> None:
    event = events.PersonPromoted(timestamp=datetime(2026, 1, 1, tzinfo=UTC), actor="device")
    with pytest.raises(ValueError, match="frozen"):
        event.actor = "backend"  # type: ignore[misc] # wrong on purpose
