"""Serializes events to the bytes that a ledger stores, and back: JSON by pydantic's core.

The state leaves out fields that equal their default. Defaults must therefore never change: the
topic names the shape, and an upcast reads older bytes as a newer shape (R30).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    Cipher,
    Compressor,
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    StoredEvent,
)
from pydantic import ValidationError

from addressee.application import Stored
from addressee.domain import EVENT_TYPES, Event, StoreDamaged

READERS: Mapping[str, Callable[[bytes], Any]] = {
    event.TOPIC: event.__pydantic_validator__.validate_json for event in EVENT_TYPES
}
"""Topic → its parser; the bound method saves time, since replays read millions of events."""

TIMESTAMP = re.compile(rb'\{"timestamp":"([^"]*)"')
"""The beginning of a state that is neither compressed nor encrypted."""


@lru_cache(1024)
def moment_in(written: bytes) -> datetime | None:
    """Return a time as states have it, None if it is none; the events of a command share it."""
    try:
        return datetime.fromisoformat(written.decode())
    except ValueError:
        return None


class EventMapper(Mapper[str]):
    """Maps this product's events; a drop-in for the mapper of an `eventsourcing` application.

    Args:
        compressor: compresses the state, if given.
        cipher: encrypts the state, if given.
    """

    def __init__(self, compressor: Compressor | None = None, cipher: Cipher | None = None) -> None:
        super().__init__(JSONTranscoder(), compressor, cipher)

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """Return the serialized event with its topic, stream and version."""
        return StoredEvent(*self.columns(cast("Event", domain_event)))

    def columns(self, event: Event) -> tuple[str, int, str, bytes]:
        """Return an event's stream, version, topic and state."""
        state = event.__pydantic_serializer__.to_json(event, exclude_defaults=True)
        if self.compressor:
            state = self.compressor.compress(state)
        if self.cipher:
            state = self.cipher.encrypt(state)
        return event.originator_id, event.originator_version, event.TOPIC, state

    def to_domain_event(self, stored_event: StoredEvent) -> Event:
        """Return the stored event; raises StoreDamaged if it can't be read."""
        return self.event(
            str(stored_event.originator_id),
            stored_event.originator_version,
            stored_event.topic,
            stored_event.state,
        )

    def event(self, stream: str, version: int, topic: str, state: bytes) -> Event:
        """Return the event with these columns; raises StoreDamaged if it can't be read."""
        try:
            if self.cipher:
                state = self.cipher.decrypt(state)
            if self.compressor:
                state = self.compressor.decompress(state)
            event = READERS[topic](state)
        except (KeyError, ValidationError, MapperDeserialisationError) as error:
            problem = f"event {version} of stream {stream} ({topic}): {type(error).__name__}"
            raise StoreDamaged(problem) from None
        # Both have columns of their own. Writing to the frozen model saves a second validation.
        fields: dict[str, Any] = event.__dict__
        fields["originator_id"] = stream
        fields["originator_version"] = version
        return cast("Event", event)

    def timestamp(self, stream: str, version: int, topic: str, state: bytes) -> datetime:
        """Return the time of the event with these columns; raises StoreDamaged if it has none.

        It is the first of all fields, and no personal data, so a sealed state shows it as well.
        """
        found = TIMESTAMP.match(state)
        moment = None if found is None else moment_in(found[1])
        return self.event(stream, version, topic, state).timestamp if moment is None else moment


def as_stored(position: int, event: StoredEvent) -> Stored:
    """Return an event of a recorder as a store keeps it."""
    stream = str(event.originator_id)
    return Stored(position, stream, event.originator_version, event.topic, event.state)
