"""With another identifier key, nobody finds an erased person by trying identifiers (R50)."""

from __future__ import annotations

from pathlib import Path

import pytest

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    AsOf,
    Identity,
    Past,
    Personalization,
    Profiles,
    Rights,
    Targeting,
    export_ledger,
    import_ledger,
    interrupted_erasures,
    rekey,
    verify,
)
from addressee.domain import IdentifierClaim, StoreSealed, StoreUnavailable
from tests.integration.sealing.conftest import WRAPPING

NAMES = ("ali", "bea", "carl", "dora", "emil")


def identity_of(name: str) -> Identity:
    return Identity(f"id-{name}", emails=[f"{name}@x.com", "shared@x.com"])


def streams_of(store: SqlStore) -> set[str]:
    with store.auditing() as audit:
        return {event.stream for event in audit.stored(0, 10_000)}


def tried(store: SqlStore, name: str, *keys: bytes) -> list[str]:
    """Return what of a person's own identifiers is found by trying them under some keys."""
    known = streams_of(store)
    own = [each for each in identity_of(name).identifiers() if each.value != "shared@x.com"]
    return [each.value for each in own for key in keys if IdentifierClaim.on(each, key).id in known]


def shared_then(store: SqlStore, moment: int) -> list[str]:
    """Return whom the shared identifier led to at a moment, by each way to find it out."""
    audiences = "email:shared@x.com", "email:shared@x.com and not tag:never"
    [same] = {
        tuple(Targeting(past).preview("shop", audience))
        for past in (AsOf(store, moment), Past(store, moment))
        for audience in audiences
    }
    return [*same]


def test_R50_what_is_erased_is_found_under_no_later_key(tmp_path: Path) -> None:
    with (
        SqlKeyStore(f"sqlite:///{tmp_path}/keys.db", wrapping_key=WRAPPING) as keys,
        SqlStore(f"sqlite:///{tmp_path}/ledger.db", keys=keys) as store,
    ):
        people, rights = Personalization(store), Rights(store)
        persons: dict[str, str] = {}
        moments: dict[str, int] = {}
        for name in NAMES:
            people.register("shop", installation=f"of-{name}", push_token=f"token-{name}")
            persons[name] = people.personalize(f"of-{name}", identity_of(name)).person
            moments[name] = store.settled()
            people.update_person(f"of-{name}", remove=Identity(emails=["shared@x.com"]))
        digest = people.preview_merge(persons["ali"], persons["bea"]).digest
        people.merge(persons["ali"], persons["bea"], digest=digest, force="they are one")
        rights.erase(persons["ali"])
        first = store.identifier_key
        assert tried(store, "ali", first), "it could be tried"
        done = rekey(store)
        assert done.forgotten == 4, "two of Ali and two of Bea"
        assert done.identifiers == 3 * 2 + 1, "the shared one is another person's too"
        second = store.identifier_key
        for name in ("ali", "bea"):
            assert tried(store, name, second) == []
            assert Profiles(store).find(Identity(f"id-{name}")) is None
        assert len(tried(store, "carl", second)) == 2
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(keys, "destroy", fails)
            with pytest.raises(StoreUnavailable):
                rights.erase(persons["carl"])
        assert rekey(store, dry_run=True).identifiers == 2 * 2 + 1
        rekey(store)
        third = store.identifier_key
        assert tried(store, "carl", third) == [], "who can be read, and is to be erased"
        [begun] = verify(store).differences
        assert (begun.place, begun.name) == ("person", persons["carl"])
        assert [*interrupted_erasures(store)] == [persons["carl"]]
        rights.erase(persons["carl"])
        rights.erase(persons["dora"])
        assert len(tried(store, "dora", third)) == 2, "until the next key"
        rekey(store)
        fourth = store.identifier_key
        assert not [name for name in NAMES[:4] if tried(store, name, fourth)]
        assert Targeting(store).preview("shop", "external_id:id-emil") == ["of-emil"]
        assert shared_then(store, moments["ali"]) == [], "they are erased by now"
        assert shared_then(store, moments["emil"]) == ["of-emil"]
        assert store.seal()
        assert verify(store).differences == ()
        Rebuild(store).run()
        assert verify(store).differences == ()
        assert verify(copy_of(store, tmp_path / "all.jsonl")).differences == ()
        with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as locked:
            assert verify(locked).differences == (), "without the keys of the data"
            with pytest.raises(StoreSealed):
                rekey(locked)
            assert locked.identifier_key == fourth


def copy_of(store: SqlStore, file: Path) -> MemoryStore:
    """Return a store that an export was imported to."""
    export_ledger(store, lambda heading: opened_sink(file, heading))
    copy = MemoryStore(keys=store.keys)
    with opened_source(file) as source:
        import_ledger(copy, source, key=store.identifier_key)
    return copy


def fails(_: object) -> None:
    raise StoreUnavailable("no key store")
