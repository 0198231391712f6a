"""Whose ledger a store follows, and how far: one setting, which changes with the copied events."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Self

from sqlalchemy import select, update

from ..engine.database import Database
from ..engine.dialects import dialect_of
from ..schema.bookkeeping_tables import FOLLOWED
from ..schema.tables import Schema


@dataclass(frozen=True, slots=True)
class Followed:
    """What a store notes of the ledger that it follows.

    Args:
        ledger: fingerprint of the ledger's identifier key.
        consumer: the name under which the store takes messages of the stream.
        sequence: of the last message that was taken.
        position: of the last event that was copied.
        digest: of the ledger up to there, in hexadecimal digits (hash_chain.py).
        at: when the stream got that message, in UTC, as ISO 8601.
        promoted_at: since when the store takes commands, likewise; None while it follows.
    """

    ledger: str
    consumer: str
    sequence: int = 0
    position: int = 0
    digest: str = bytes(32).hex()
    at: str | None = None
    promoted_at: str | None = None

    def written(self) -> bytes:
        """Return it as the setting has it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, written: bytes) -> Self:
        """Return what a setting says."""
        return cls(**json.loads(written))


def follows(written: bytes | None) -> bool:
    """Whether a store with that setting follows another one's ledger."""
    return written is not None and Followed.read(written).promoted_at is None


def followed(database: Database, schema: Schema) -> Followed | None:
    """Return what a store notes of the ledger that it follows or did; None if it never did."""
    kept = select(schema.setting.c.value).where(schema.setting.c.name == FOLLOWED)
    with database.reading() as connection:
        found: bytes | None = connection.execute(kept).scalar_one_or_none()
    return None if found is None else Followed.read(found)


def promote(database: Database, schema: Schema, now: datetime) -> Followed | None:
    """Have a store take commands of its own, whose events come behind those that were copied.

    A follower that works at the same moment has its page in the store before, or not at all.

    Returns:
        What the store notes then, also if it was promoted before; None if it never followed.
    """
    setting = schema.setting
    own = setting.c.name == FOLLOWED
    with database.writing() as connection:
        kept = select(setting.c.value).where(own).with_for_update()
        found: bytes | None = connection.execute(kept).scalar_one_or_none()
        if found is None or not follows(found):
            return None if found is None else Followed.read(found)
        promoted = replace(Followed.read(found), promoted_at=now.isoformat())
        connection.execute(update(setting).where(own).values(value=promoted.written()))
        dialect_of(connection).continue_numbers(connection, schema.event, "position")
    return promoted
