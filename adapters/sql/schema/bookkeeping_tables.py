"""Tables that are neither the ledger nor derived from it."""

from __future__ import annotations

from hashlib import blake2b

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, SmallInteger, String, Table

from .column_types import NAME, Bytes, NewTable, exact

SLOT_NAMES = [f"slot {n}" for n in range(16)]
"""Settings whose locks tell on MariaDB and MySQL which writers are under way."""
IDENTIFIER_KEY = "identifier_key"
INDEXED = "indexed attributes"
SEALED = "sealed"
"""Names of settings; the second and third are JSON. The third is there where personal data is
sealed, and says by which key of the store's own."""
SESSIONS = "session secret"
"""A setting that signs the sessions of operators; exports and imports leave it out."""
STORE_NAME = "store name"
"""A setting that a work queue knows the store by; exports, imports and followers leave it out."""
FOLLOWED = "followed ledger"
"""A setting that is there where the store follows another one's ledger, or did: which, how far, and
whether it was promoted, as JSON."""
ENDED = "ended session "
"""What the names of settings begin with that tell of operators who have signed out: until when."""
FENCE = "erased "
"""What the names of settings begin with that hold the keys of an erased person, as JSON."""
SEARCHED = "searched "
"""What the names of settings begin with that tell up to which position a search has gone."""
FOREIGN_KEYS = "destroyed keys of other stores"
"""A setting with the SHA-256 of those destroyed keys that seal nothing in this ledger."""
FLAGGED = "installation columns"
"""A setting that is there where all rows of installations have ``flags``, ``idle_from`` and
``anonymous_from``. A store of an earlier release gets it when its installations are rebuilt, with
no earlier code at work."""
COMPLETE = {
    "installations": FLAGGED,
    "addresses": "written addresses",
    "audiences": "marks from the first event",
}
"""Read model → a setting that is there where it holds all that this release writes, likewise."""


REBUILD = "rebuild "
"""What the names of rebuilds begin with in the table of projections; they have a row there from
their begin to their swap."""


def fence_of(erased: str) -> str:
    """Return the setting with the keys of an erased person, or of an installation's stream."""
    return f"{FENCE}{blake2b(erased.encode(), digest_size=16).hexdigest()}"


def ended_session(session: str) -> str:
    """Return the setting of a session that has ended."""
    return f"{ENDED}{session}"


def tracking(new: NewTable) -> Table:
    """Return the positions of followers of other ledgers."""
    return new(
        "tracking",
        Column("application_name", exact(200), primary_key=True),
        Column("notification_id", BigInteger, nullable=False),
    )


def projection(new: NewTable) -> Table:
    """Return the positions of projections of this ledger, and the runner that works on each."""
    return new(
        "projection",
        Column("name", exact(200), primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("holder", exact(50)),
        Column("until", BigInteger, nullable=False),
        Column("paused", SmallInteger, nullable=False),
        Column("problem_at", BigInteger),
        Column("problem", Bytes),
    )


def set_aside(new: NewTable) -> Table:
    """Return events that a projection failed on and was told to skip."""
    return new(
        "set_aside",
        Column("projection", exact(200), primary_key=True),
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("problem", Bytes, nullable=False),
    )


def touch(new: NewTable) -> Table:
    """Return signs of life, which are not in the ledger (R26)."""
    return new(
        "touch",
        Column("installation", NAME, primary_key=True),
        Column("at", BigInteger, nullable=False),
    )


def application(new: NewTable) -> Table:
    """Return mobile apps and their policies."""
    return new(
        "application",
        Column("code", NAME, primary_key=True),
        Column("settings", Bytes, nullable=False),
    )


def api_key(new: NewTable) -> Table:
    """Return digests of the keys of their backends."""
    return new(
        "api_key",
        Column("name", exact(50), primary_key=True),
        Column("application", NAME, nullable=False),
        Column("scope", exact(50), nullable=False),
        Column("digest", Bytes, nullable=False),
    )


def setting(new: NewTable) -> Table:
    """Return what the store needs to know about itself, such as the identifier key."""
    return new(
        "setting",
        Column("name", exact(50), primary_key=True),
        Column("value", Bytes, nullable=False),
    )


def migration(new: NewTable) -> Table:
    """Return the last migration that the tables had; Alembic's own table."""
    return new(
        "migration",
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name=f"{new.prefix}migration_pkc"),
    )
