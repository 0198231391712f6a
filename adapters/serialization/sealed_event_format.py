"""What a sealed event looks like: its fields that are no personal data, and one more, ``sealed``.

So a ledger can be read, checked and sealed without keys. ``sealed`` is the last field: in Base64,
the id of a key (8 bytes), a nonce (12), and the JSON of the personal fields under AES-256-GCM.
"""

from __future__ import annotations

import json
import secrets
from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

from addressee.application import KeyStore
from addressee.domain import EVENT_TYPES, Event, StoreDamaged, StoreSealed, personal_fields

from .event_mapper import EventMapper

if TYPE_CHECKING:
    from .sealing import Sealing

MARK, END = b',"sealed":"', b'"}'
"""Around the sealed part; within a JSON string these quotes would be escaped."""
ID, NONCE = 8, 12
PERSONAL: Mapping[str, set[str]] = {
    event.TOPIC: {*fields} for event in EVENT_TYPES if (fields := personal_fields(event))
}
"""Topic → the fields that are sealed, for events that have any."""


def erased_fields(event: type[Event]) -> bytes:
    """Return the JSON of an event's personal fields once they are erased: those that it must have.

    They are empty.
    """
    fields = event.model_fields
    required = sorted(name for name in PERSONAL[event.TOPIC] if fields[name].is_required())
    empty: dict[str, object] = {
        name: "" if fields[name].annotation is str else {} for name in required
    }
    return json.dumps(empty).encode()


ERASED = {event.TOPIC: erased_fields(event) for event in EVENT_TYPES if event.TOPIC in PERSONAL}


class Part(NamedTuple):
    """A sealed state taken apart: JSON without its end, key, nonce and sealed JSON."""

    clear: bytes
    key: str
    nonce: bytes
    content: bytes


def part_of(state: bytes) -> Part | None:
    """Return the parts of a sealed state; None for one in clear.

    Raises:
        StoreDamaged: it can't be read.
    """
    at = state.rfind(MARK)
    if at < 0 or not state.endswith(END):
        return None
    try:
        sealed = a2b_base64(state[at + len(MARK) : -len(END)])
    except ValueError:
        raise StoreDamaged("sealed personal data can't be read") from None
    rest = sealed[ID:]
    return Part(state[:at], sealed[:ID].hex(), rest[:NONCE], rest[NONCE:])


class Locked:
    """Stands where a store's `Sealing` would, if the store is sealed and no keys were given.

    Whatever needs no personal data goes on, such as seals of the ledger.

    Args:
        store: the id that sealed data is bound to.
    """

    def __init__(self, store: str) -> None:
        self.store = store

    def columns(self, _: Sequence[Event], __: int = 0) -> NoReturn:
        """Raise StoreSealed: nothing is recorded in clear."""
        raise StoreSealed

    def brought(self, _: object, __: object) -> NoReturn:
        """Raise StoreSealed."""
        raise StoreSealed

    def opened(
        self,
        rows: Sequence[Any],
        *,
        streams: bool = False,  # noqa: ARG002 # as `Sealing` has it
        epoch: int = 0,  # noqa: ARG002 # likewise
    ) -> Sequence[Any]:
        """Return events without personal data; raises StoreSealed for others."""
        if any(row[3] in PERSONAL for row in rows):
            raise StoreSealed
        return rows

    def value(self, _: str, __: bytes) -> NoReturn:
        """Raise StoreSealed."""
        raise StoreSealed

    def opened_value(self, _: str, __: bytes) -> NoReturn:
        """Raise StoreSealed."""
        raise StoreSealed


def keys_in(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[str, int, str]]:
    """Yield stream, version and id of the key of each event that is sealed."""
    for _, stream, version, _, state in rows:
        if (part := part_of(state)) is not None:
            yield stream, version, part.key


def streams_under(keys: AbstractSet[str], rows: Iterable[Sequence[Any]]) -> set[str]:
    """Return the streams of those of some events that are sealed by one of some keys."""
    return {stream for stream, _, key in keys_in(rows) if key in keys}


def new_seal(keys: KeyStore) -> bytes:
    """Return a setting that says as which store, and by which key of its own, a store is sealed."""
    [own] = keys.new_keys(1)
    return json.dumps({"store": secrets.token_hex(16), "key": own.id}).encode()


def sealing_with(keys: KeyStore, mapper: EventMapper, setting: bytes) -> Sealing:
    """Return what seals a store, as its setting says; raises KeyMissing, WrappingKeyWrong."""
    from .sealing import Sealing  # noqa: PLC0415 # an extra: the rest works without it

    return Sealing(keys, mapper, **json.loads(setting))


S = TypeVar("S", bound="Sealing | Locked")


def bound_to(sealing: S | None, store: str) -> S:
    """Return the same for data that is bound to an id; raises StoreSealed for None."""
    if sealing is None:
        raise StoreSealed
    other = copy(sealing)
    other.store = store
    return other
