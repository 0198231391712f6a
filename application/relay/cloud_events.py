"""Facts as CloudEvents 1.0.2 in structured JSON (https://github.com/cloudevents/spec).

Attributes hold no personal data: ids of installations and persons are pseudonyms, and a segment's
name, a caller's text, is left out. Extensions are ``partitionkey`` (the person, or else the
subject), ``sequence`` (the position in the ledger,
with zeros in front so that it compares as text) and ``previoussequence``: no fact lies between the
two, so a consumer can tell a repeated message from one that is missing. Where the command's span is
known, ``traceparent`` names it (extension "Distributed Tracing").
"""

from __future__ import annotations

from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import Literal

from addressee.domain import (
    Event,
    InstallationEvent,
    InvalidValue,
    PersonEvent,
    SegmentDefined,
    SegmentRemoved,
    values,
)
from addressee.domain.events import stream_of

from ..execution.tracing import traced
from ..ports.delivery.event_sink import FactMessage
from ..ports.public_facts import ENVELOPE, PSEUDONYMOUS, PUBLIC, actor_kind
from ..ports.records import Recorded

Data = Literal["full", "pseudonymous", "none"]
"""Which fields of an event a message has: all, those that are neither personal data nor texts of
callers, or none."""
FULL = ENVELOPE | {"actor"}
"""Fields that are left out even then: they stand elsewhere in the message."""
LIMIT = 64 * 1024
"""Most bytes of a message, which every intermediary must forward (section 4 of the specification).
An event that is larger goes without its data."""
DIGITS = 19
"""Of the largest position."""
TYPES: Mapping[type[Event], str] = {each: f"{each.TOPIC}.v1" for each in PUBLIC}
"""Event → the type of its messages, which never changes."""


def sequence_of(position: int) -> str:
    """Return a position as text that compares like the number."""
    return f"{position:0{DIGITS}}"


class CloudEvents:
    """Turns facts into messages of one ledger.

    Args:
        source: names the ledger, a URI reference in ASCII.
        data: which fields a message has.

    Raises:
        InvalidValue: ``source`` is empty or not printable ASCII, or ``data`` no such choice.
    """

    def __init__(self, source: str, data: Data) -> None:
        if not (source and source.isascii() and source.isprintable() and " " not in source):
            raise InvalidValue("source", "should be a URI reference in ASCII")
        self._source, self._quoted = source, quoted(source)
        self._data = values.choice("data", data, Data)

    def message(self, recorded: Recorded, previous: int) -> FactMessage | None:
        """Return the message of an event; None if it is no fact, or another stream's copy of one.

        Args:
            recorded: the event.
            previous: a position before it, so that no fact lies between.
        """
        position, event = recorded
        if type(event) not in PSEUDONYMOUS or not event.at_home:
            return None
        subject = subject_of(event)
        key = key_of(event, subject)
        kind = TYPES[type(event)]
        # Each fact comes by here: text by hand takes a third of the time of a general encoder.
        head = (
            f'{{"specversion":"1.0","id":"{position}","source":{self._quoted},"type":"{kind}",'
            f'"subject":{quoted(subject)},"time":"{event.timestamp.isoformat()}",'
            f'"partitionkey":{quoted(key)},"sequence":"{sequence_of(position)}",'
            f'"previoussequence":"{sequence_of(previous)}"'
        )
        if trace := traced(event.correlation_id):
            head += f',"traceparent":"{trace}"'
        content = self._content(head.encode(), event)
        name = str(position)
        return FactMessage(position, name, kind, self._source, key, content, position, trace)

    def _content(self, head: bytes, event: Event) -> bytes:
        """Return a message, which begins with ``head``, as a whole."""
        if self._data == "none":
            return head + b"}"
        full = self._data == "full"
        left_out = FULL if full else PSEUDONYMOUS[type(event)]
        data = event.__pydantic_serializer__.to_json(event, exclude=left_out)
        own = f'{{"actor":{quoted(event.actor if full else actor_kind(event.actor))}'
        # What the stream's name says is no field of the event.
        if isinstance(event, InstallationEvent):
            own += f',"installation":{quoted(event.installation)}'
        elif isinstance(event, PersonEvent):
            own += f',"person":{quoted(event.person)}'
        data = own.encode() + (b"}" if data == b"{}" else b"," + data[1:])
        content = head + b',"datacontenttype":"application/json","data":' + data + b"}"
        return content if len(content) <= LIMIT else head + b',"dataomitted":true}'


def subject_of(event: Event) -> str:
    """Return the stream of an event; of a segment its application alone."""
    if isinstance(event, SegmentDefined | SegmentRemoved):
        return stream_of(event.HOME, event.application)
    return event.originator_id


def key_of(event: Event, subject: str) -> str:
    """Return what a fact belongs to: the person's stream, or else its subject."""
    person = getattr(event, "person", None)
    return subject if person is None else f"person:{person}"
