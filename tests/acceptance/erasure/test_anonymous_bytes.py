"""No byte has what a device told while nobody was signed in, before or after it is erased by time.

The same search finds all of it in a store without keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.ledger_files import opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    Identity,
    KeyStore,
    Personalization,
    import_ledger,
    verify,
)
from addressee.application.commands import Reported
from addressee.domain import MobileApp
from tests.acceptance.erasure.test_bytes import DATABASES, PLACES, WRAPPING, exported
from tests.acceptance.erasure.whole_life import CHOICES, INDEXED, REPORTED
from tests.command_line import run
from tests.unmistakable import found_in

TOLD = {
    **{name: value for name, value in REPORTED.items() if name not in CHOICES},
    "tag": "peculiar-itag",
    "removed tag": "peculiar-removed-itag",
    "theme": "peculiar-theme",
    "second name": "Peculiar second name",
}
KEPT = "Peculiar name that Bea gave"
"""What it told while a person had it."""


def live(store: SqlStore) -> None:
    """Let a device tell what it can, before, between and after persons, and expire."""
    past = datetime.now(UTC) - timedelta(days=3)
    people = Personalization(store, clock=lambda: past)
    facts: Reported = {**REPORTED, "device_secure": True}  # type: ignore[typeddict-item] # all known
    people.register("shop", installation="never", **facts, idempotency_key="once")
    people.tag_installation("never", add={TOLD["tag"], TOLD["removed tag"]})
    people.tag_installation("never", remove={TOLD["removed tag"]})
    people.update_installation("never", attributes={"theme": TOLD["theme"]})
    people.register("shop", installation="shared", os="ios")
    people.personalize("shared", Identity("bea"))
    people.update_installation("shared", device_name=KEPT)
    people.depersonalize("shared")
    people.update_installation("shared", device_name=TOLD["second name"])
    for name in ("never", "shared"):
        people.expire(name, "unregistered")


def traces(content: Mapping[str, bytes]) -> dict[str, list[str]]:
    found = {name: found_in(held, TOLD) for name, held in content.items()}
    return {name: held for name, held in found.items() if held}


def readable(backup: Path, keys: KeyStore) -> set[str]:
    """Return what a ledger's backup gives to a reader with all keys that there are."""
    store = MemoryStore(keys=keys, indexed_attributes=INDEXED)
    with opened_source(backup) as source:
        import_ledger(store, source)
    with store.auditing() as audit:
        everything = [audit.events(0, 10_000), [*audit.rows()]]
    return {*found_in(repr(everything).encode(), {**TOLD, "kept": KEPT})}


@pytest.mark.parametrize("database", DATABASES)
def test_R50_R54_no_byte_has_what_a_device_told_before_or_after_it_is_erased(
    database: str, tmp_path: Path
) -> None:
    with PLACES[database](tmp_path) as place, ExitStack() as stack:
        url, key_url = place.new_database(), place.new_database()
        (tmp_path / "wrapping.key").write_text(WRAPPING.hex())
        environment = {
            "ADDRESSEE_KEYS": key_url,
            "ADDRESSEE_WRAPPING_KEY": str(tmp_path / "wrapping.key"),
        }
        keys = stack.enter_context(SqlKeyStore(key_url, wrapping_key=WRAPPING))
        store = stack.enter_context(SqlStore(url, keys=keys, indexed_attributes=INDEXED))
        store.applications.put(MobileApp(code="shop", erase_anonymous_after=86_400))
        live(store)
        assert store.compact()
        asks = partial(run, folder=tmp_path, environment=environment)

        def left() -> Mapping[str, bytes]:
            files = dict(exported(store, tmp_path))
            for each in (store, keys):
                each.database.engine.dispose()
            return {**place.content(url), **files}

        assert traces(left()) == {}
        backup = (tmp_path / "export.jsonl").rename(tmp_path / "backup.jsonl")
        assert readable(backup, keys) == {*TOLD, "kept"}
        planned = asks("erase-inactive", "--dry-run", "--store", url)
        assert "0 persons and 2 installations would be erased" in planned.stderr
        done = asks("erase-inactive", "--store", url)
        assert "0 persons and 2 installations erased" in done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(row["installation"], row["done"]) for row in rows] == [
            ("never", True), ("shared", True)
        ]  # fmt: skip
        assert verify(store).differences == ()
        certificates = {"certificates": done.stdout.encode(), "log": done.stderr.encode()}
        assert traces({**left(), **certificates}) == {}
        assert readable(backup, keys) == {"kept"}
        Rebuild(store).run()
        assert traces(left()) == {}
        assert verify(store).differences == ()

        with SqlStore(place.new_database(), indexed_attributes=INDEXED) as clear:
            live(clear)
            assert not TOLD.keys() - {
                *found_in(dict(exported(clear, tmp_path))["export.jsonl"], TOLD)
            }
