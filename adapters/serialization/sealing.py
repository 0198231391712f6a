"""Sealing of personal data: the fields of events that are marked so, and values of read models.

Every stream has keys of its own, and an installation others for each time that it changes hands,
and for each restatement: what is to be erased is then never under a key of what is to stay.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from os import urandom
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from addressee.application import KeyStore
from addressee.application.caching.bounded_cache import BoundedCache
from addressee.application.caching.by_epoch import ByEpoch
from addressee.domain import (
    EVENT_TYPES,
    DeviceDepersonalized,
    DevicePersonalized,
    Event,
    Installation,
    InstallationRestated,
    KeyMissing,
    StoreDamaged,
)

from .event_mapper import EventMapper
from .key_cache import KeyRing
from .sealed_event_format import END, ERASED, MARK, NONCE, PERSONAL, Part, part_of

Row = tuple[int, str, int, str, bytes]
"""Position, stream, version, topic and state of an event."""
STORE = "the store itself"
RESTATED = InstallationRestated.TOPIC
HANDOVERS = frozenset({DevicePersonalized.TOPIC, DeviceDepersonalized.TOPIC, RESTATED})
"""Topics of events of an installation behind which it takes a new key."""
INSTALLATION = f"{Installation.CATEGORY}:"
SEALED = tuple({f"{event.HOME}:" for event in EVENT_TYPES if event.TOPIC in PERSONAL})
"""Beginnings of the streams that have personal data; of others no key is ever looked for."""
LATEST_BYTES = 16 << 20
ENTRY_BYTES = 400


class Latest(NamedTuple):
    """Up to where a stream is known, and the key that its next event may be sealed with."""

    version: int
    key: str | None


class Ends:
    """The keys that the next events of streams may have, while a batch moves them on.

    Args:
        cache: what is known before, and kept afterwards.
    """

    def __init__(self, cache: BoundedCache[str, Latest]) -> None:
        self._cache = cache
        self._noted: dict[str, Latest] = {}

    def get(self, stream: str) -> Latest | None:
        """Return what is known of a stream."""
        return self._noted.get(stream) or self._cache.get(stream)

    def note(self, stream: str, latest: Latest) -> None:
        """Note it of a stream."""
        self._noted[stream] = latest

    def keep(self) -> None:
        """Keep what was noted: once a stream and not once an event, which takes longer."""
        for stream, latest in self._noted.items():
            self._cache.put(stream, latest, ENTRY_BYTES)

    def keep_later(self) -> None:
        """Keep the same, but nothing of a view from before what is known."""
        for stream, latest in self._noted.items():
            known = self._cache.get(stream)
            if known is None or known.version <= latest.version:
                self._cache.put(stream, latest, ENTRY_BYTES)


class Sealing:
    """Seals what one store writes, and opens what it reads.

    Args:
        keys: where the keys are.
        mapper: turns events into JSON.
        store: the id of the store, which no other store has.
        key: id of the store's own key, for what belongs to no stream.

    Attributes:
        store: as given.
        ring: the keys at hand.
        term_key: hides the terms of the audience index.

    Raises:
        KeyMissing: the store's own key is not in the key store.
    """

    def __init__(self, keys: KeyStore, mapper: EventMapper, store: str, key: str) -> None:
        self.ring = KeyRing(keys)
        self._mapper = mapper
        self.store = store
        secret = keys.find([key]).get(key)
        if secret is None:
            raise KeyMissing(STORE)
        self._own = AESGCM(secret)
        self.term_key = blake2b(b"terms", key=secret, digest_size=32).digest()
        self._latest = ByEpoch(lambda: BoundedCache[str, Latest](LATEST_BYTES))

    def columns(self, events: Sequence[Event], epoch: int = 0) -> list[tuple[str, int, str, bytes]]:
        """Return stream, version, topic and sealed state of events to be recorded.

        Args:
            events: in order.
            epoch: of the store, for which they are.
        """
        ends = Ends(self._latest.at(epoch))
        rows = [self._columns(event, ends, epoch) for event in events]
        ends.keep()
        return rows

    def _columns(self, event: Event, ends: Ends, epoch: int) -> tuple[str, int, str, bytes]:
        topic = event.TOPIC
        stream, version = event.originator_id, event.originator_version
        if (fields := PERSONAL.get(topic)) is None:
            self._follow(stream, version, topic, None, ends)
            return self._mapper.columns(event)
        to_json = event.__pydantic_serializer__.to_json
        personal = to_json(event, include=fields, exclude_defaults=True)
        state = to_json(event, exclude=fields, exclude_defaults=True)
        if personal == b"{}":
            self._follow(stream, version, topic, None, ends)
            return stream, version, topic, state
        latest = None if topic == RESTATED else ends.get(stream)
        key, cipher = self._key_for(latest, version, epoch)
        nonce = urandom(NONCE)
        about = self._about(stream, version, topic, key)
        sealed = bytes.fromhex(key) + nonce + cipher.encrypt(nonce, personal, about)
        self._follow(stream, version, topic, key, ends)
        return stream, version, topic, state[:-1] + MARK + b2a_base64(sealed, newline=False) + END

    def _key_for(self, latest: Latest | None, version: int, epoch: int) -> tuple[str, AESGCM]:
        """Return the key of a stream's newest events, or a new one where it is not known."""
        if latest and latest.key and latest.version == version - 1:
            cipher = self.ring.cached(latest.key)
            if cipher is not None:
                return latest.key, cipher
        return self.ring.fresh(epoch)

    def _follow(self, stream: str, version: int, topic: str, key: str | None, ends: Ends) -> None:
        """Note the key that a stream's next event may have, after one that is written now.

        What is written may be rolled back while another event of that version is committed. So
        after a version that was written twice no key is known: nobody here can tell which it was.
        """
        if not stream.startswith(SEALED):
            return
        before = ends.get(stream)
        if before and version <= before.version:
            ends.note(stream, Latest(before.version, None))
        else:
            ends.note(stream, following(before, stream, version, topic, key))

    def _note(self, rows: Sequence[Any], parts: Sequence[Part | None], epoch: int) -> None:
        """Note the keys that the next events of streams may have, after committed ones."""
        ends = Ends(self._latest.at(epoch))
        for (_, stream, version, topic, _), part in zip(rows, parts, strict=True):
            before = ends.get(stream)
            ends.note(stream, following(before, stream, version, topic, part and part.key))
        ends.keep_later()

    def brought(self, row: Row, event: Callable[[], Event]) -> Row:
        """Return an event of an imported ledger with its personal data sealed, if it is not yet.

        Args:
            row: as `Row`, of a ledger in clear or a sealed one.
            event: returns what it says.
        """
        position, stream, version, topic, state = row
        ends = Ends(self._latest.newest)
        if topic not in PERSONAL:
            self._follow(stream, version, topic, None, ends)
        elif not part_of(state):
            row = (position, *self._columns(event(), ends, 0))
        ends.keep()
        return row

    def opened(
        self, rows: Sequence[Any], *, streams: bool = False, epoch: int = 0
    ) -> Sequence[Any]:
        """Return events as a store in clear would have them.

        Of personal data whose key was destroyed the fields are empty.

        Args:
            rows: as `Row`.
            streams: whether they are a stream's newest ones, which a command may follow.
            epoch: of the store, if they are.

        Raises:
            KeyMissing: a key is not there and was not destroyed.
            StoreDamaged: sealed data was changed, or was sealed elsewhere.
        """
        parts = [part_of(row[4]) if row[3] in PERSONAL else None for row in rows]
        if streams:
            self._note(rows, parts, epoch)
        named = {part.key for part in parts if part}
        if not named:
            return rows
        ciphers = self.ring.ciphers(named)
        return [
            row if part is None else self._opened(row, part, ciphers)
            for row, part in zip(rows, parts, strict=True)
        ]

    def _opened(self, row: Row, part: Part, ciphers: Mapping[str, AESGCM | None]) -> Row:
        position, stream, version, topic, _ = row
        if part.key not in ciphers:
            raise KeyMissing(f"event {version} of stream {stream}")
        cipher = ciphers[part.key]
        if cipher is None:
            personal = ERASED[topic]
        else:
            about = self._about(stream, version, topic, part.key)
            try:
                personal = cipher.decrypt(part.nonce, part.content, about)
            except InvalidTag:
                problem = "is not what was sealed there"
                raise StoreDamaged(f"event {version} of stream {stream} {problem}") from None
        state = part.clear + b"," + personal[1:] if personal != b"{}" else part.clear + b"}"
        return position, stream, version, topic, state

    def _about(self, stream: str, version: int, topic: str, key: str) -> bytes:
        """Return what a sealed part belongs to, so that it can't be moved elsewhere."""
        return "\0".join((self.store, stream, str(version), topic, key)).encode()

    def value(self, place: str, content: bytes) -> bytes:
        """Return a value of the read models as it is stored; ``place`` says where."""
        nonce = urandom(NONCE)
        return nonce + self._own.encrypt(nonce, content, f"{self.store}\0{place}".encode())

    def opened_value(self, place: str, sealed: bytes) -> bytes:
        """Return a stored value; raises StoreDamaged if it was changed or comes from elsewhere."""
        about = f"{self.store}\0{place}".encode()
        try:
            return self._own.decrypt(sealed[:NONCE], sealed[NONCE:], about)
        except InvalidTag:
            raise StoreDamaged(f"{place} is not what was sealed there") from None


def following(
    before: Latest | None, stream: str, version: int, topic: str, key: str | None
) -> Latest:
    """Return the key that a stream's next event may have; none behind one of `HANDOVERS`.

    Args:
        before: the same for an event before it, if known.
        stream: of the event.
        version: of the event.
        topic: of the event.
        key: what it is sealed with, if it is.
    """
    if topic in HANDOVERS and stream.startswith(INSTALLATION):
        key = None
    elif key is None and before and before.version == version - 1:
        key = before.key
    return Latest(version, key)
