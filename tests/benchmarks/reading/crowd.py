"""A sealed store with many installations, in which some hundred persons have lived.

Their lives are commands. All others are in the read models, in the ledger with an event each, and
in the key store with a key each: whoever reads the streams of one person, and of that person's
devices, reads no more however many others there are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.progress import track
from sqlalchemy import insert

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.sql import SqlStore
from addressee.application import Call, Identity, Personalization, bulk
from tests.benchmarks.reading.population import APPLICATION, KEY, Population

LIVES = 500
"""How many persons have lived: more than a page of an audience shows."""
MADE = 4_096
"""How many events and keys of others are made at once."""


@contextmanager
def crowded(installations: int, kept: Path | None = None) -> Generator[SqlStore]:
    """Open a store on SQLite; installations of `LIVES` persons are the first of its index.

    Args:
        installations: how many others it has.
        kept: a folder where the store is filled and stays, or is found filled; else a temporary
            one is.
    """
    with tempfile.TemporaryDirectory() if kept is None else nullcontext(kept) as root:
        folder = Path(root, f"crowd-{installations}")
        if not folder.exists():
            made = folder.with_suffix(".unfinished")
            made.mkdir()
            with opened(made) as (store, keys):
                fill(store, keys, installations)
            made.rename(folder)
        with opened(folder) as (store, _):
            yield store


@contextmanager
def opened(folder: Path) -> Generator[tuple[SqlStore, SqlKeyStore]]:
    """Open the store in a folder."""
    with (
        SqlKeyStore(f"sqlite:///{folder}/keys.db", wrapping_key=bytes(32)) as keys,
        SqlStore(f"sqlite:///{folder}/ledger.db", keys=keys, identifier_key=KEY) as store,
    ):
        yield store, keys


def fill(store: SqlStore, keys: SqlKeyStore, installations: int) -> None:
    """Have the persons live, and then have others in all tables."""
    bulk(Personalization(store), [call for number in range(LIVES) for call in life(number)])
    store.compact()
    pages = [*range(0, installations, MADE)]
    with store.loading() as load:
        changes = Population(installations).changes(MADE)
        for each in track(changes, "read models", total=len(pages), transient=True):
            load.load(each)
    table = store.parts.prepared.schema.event
    row = {"topic": "addressee.PersonCreated", "version": 1, "state": b'{"timestamp":"'}
    for first in track(pages, "ledger and keys", transient=True):
        names = range(first, min(first + MADE, installations))
        with store.database.writing() as connection:
            connection.execute(insert(table), [row | {"stream": f"person:other{n}"} for n in names])
        keys.new_keys(len(names))


def life(number: int) -> Iterator[Call]:
    """Yield the calls of one person, who has a phone, and a tablet with others."""
    tablet, who = f"tablet{number // 4}", identity(number)
    attributes, tags = {"first_name": f"Name {number}", "plan": "gold"}, {"huge", f"t{number}"}
    yield lambda p: p.register(
        APPLICATION, installation=phone(number), push_token=phone(number), os="android"
    )
    yield lambda p: p.register(APPLICATION, installation=tablet, os="ios")
    yield lambda p: p.personalize(tablet, who, force_depersonalize=True)
    yield lambda p: p.personalize(phone(number), who, attributes, tags, set_primary=True)
    yield lambda p: p.update_installation(phone(number), device_name=f"phone of {number}")


def phone(number: int) -> str:
    """Return the id of a person's phone."""
    return f"phone{number}"


def identity(number: int) -> Identity:
    """Return what a person is known by."""
    return Identity(f"known{number}", emails=[f"known{number}@x.com"])
