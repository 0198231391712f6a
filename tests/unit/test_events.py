"""Events keep their names and shapes for ever (R29, R30)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from eventsourcing.compressor import ZlibCompressor
from eventsourcing.persistence import StoredEvent

from addressee.adapters.mapper import EventMapper
from addressee.domain import EVENT_TYPES, Event, StoreDamaged, events, personal_fields

RELEASED = Path(__file__).parent / "data" / "events-1.jsonl"
"""An event of every topic as release 1 stores it; later releases add files, and change none."""


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
        "PersonUpdated": {"attributes"},
        "PersonTagged": {"added", "removed"},
        "IdentifierAdded": {"value"},
        "IdentifierRemoved": {"value"},
        "SegmentDefined": {"expression"},
    }


def released() -> list[StoredEvent]:
    rows = map(json.loads, RELEASED.read_text().splitlines())
    return [
        StoredEvent(row["stream"], row["version"], row["topic"], row["state"].encode())
        for row in rows
    ]


def test_R30_every_shape_ever_stored_is_read_and_written_alike() -> None:
    mapper = EventMapper()
    assert {stored.topic for stored in released()} == {event.TOPIC for event in EVENT_TYPES}
    for stored in released():
        assert mapper.to_stored_event(mapper.to_domain_event(stored)) == stored


def test_R30_a_compressor_is_kept_to() -> None:
    plain, squeezed = EventMapper(), EventMapper(compressor=ZlibCompressor())
    for stored in released():
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
