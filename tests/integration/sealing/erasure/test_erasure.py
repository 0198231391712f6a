"""An erased person's data is unreadable everywhere, and all else stays as it was."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from addressee.adapters.keys import MemoryKeyStore, SqlKeyStore
from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    History,
    Identity,
    Personalization,
    Profiles,
    Rights,
    Targeting,
    export_ledger,
    import_ledger,
    verify,
)
from addressee.domain import (
    ErasureRequested,
    PersonErased,
    SegmentDefined,
    StoreNotSealed,
    StoreUnavailable,
    UnknownPerson,
)
from tests.integration.sealing.conftest import INDEXED, VALUES, WRAPPING, found_in, live

EMAIL = VALUES["email"]


def everything(store: SqlStore | MemoryStore) -> bytes:
    """Return all events but segments, and all addresses, as a reader with keys sees them."""
    with store.auditing() as audit:
        events = [e for e in audit.events(0, 10_000) if not isinstance(e.event, SegmentDefined)]
        addresses = [row.address and row.address.address for row in audit.rows()]
    return repr((events, addresses)).encode()


def is_whole(store: SqlStore) -> None:
    assert verify(store).differences == ()
    Rebuild(store).run()
    assert verify(store).differences == ()


def test_R50_an_erased_person_is_gone_and_the_device_goes_on(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    person, phone = live(store)
    other = Personalization(store).register("shop").installation
    bea = Personalization(store).personalize(other, Identity("bea"), tags={"kept"}).person
    seal = store.seal()
    shutil.copytree(tmp_path, tmp_path / "backup")
    rights = Rights(store)
    planned = rights.erase(person, dry_run=True)
    assert not planned.done
    assert Profiles(store).find(Identity(emails=[EMAIL])) is not None, "a dry run changes nothing"
    assert planned.segments == ("shop/named",)

    done = rights.erase(person)
    assert (done.done, done.identifiers, done.installations) == (True, 3, (phone,))
    assert (done.events, done.keys) == (planned.events, planned.keys)
    assert done.keys >= 2
    assert done.fingerprint
    assert rights.erase(person) == done, "it may be repeated"
    reach = Targeting(store)
    assert reach.count("shop", f'email:{EMAIL} or tag:"{VALUES["tag"]}"') == 0
    assert [*reach.targets("shop", "os:android")] == [phone], "still reached by broadcasts"
    [recipient] = reach.recipients("shop", f"installation:{phone}")
    assert (recipient.person, recipient.address) == (None, VALUES["token"])
    assert found_in(everything(store)) == ["token"], "which the device needs"
    with pytest.raises(UnknownPerson):
        Profiles(store).person(person)
    with pytest.raises(UnknownPerson):
        Personalization(store).tag(person, add={"again"})
    assert Profiles(store).find(Identity(emails=[EMAIL])) is None
    history = History(store)
    signed_in = next(each for each in history.installation(phone)
                     if each.event.TOPIC.endswith("DevicePersonalized"))  # fmt: skip
    assert history.who(phone, at=signed_in.event.timestamp) == person, "the id stays"
    assert reach.as_of(signed_in.position).count("shop", f'tag:"{VALUES["tag"]}"') == 0
    is_whole(store)
    assert seal is not None
    assert verify(store).sealed == seal.last, "seals from before hold"
    assert [*reach.targets("shop", "tag:kept")] == [other]
    assert Profiles(store).person(bea).tags == {"kept"}
    again = Personalization(store).personalize(phone, Identity(emails=[EMAIL])).person
    assert again != person, "somebody new"

    with SqlStore(f"sqlite:///{tmp_path}/backup/ledger.db", keys=keys) as before:
        assert found_in(everything_readable(before, person, phone)) == []


def everything_readable(store: SqlStore, person: str, phone: str) -> bytes:
    history = History(store)
    return repr([history.person(person), history.installation(phone)]).encode()


def test_R50_of_a_shared_device_only_the_erased_persons_time_is_lost(store: SqlStore) -> None:
    people, history = Personalization(store), History(store)
    tablet = people.register("shop", push_token="token", os="iOS").installation
    persons: dict[str, str] = {}
    for name in ("zoe", "bea", "zoe", "chen"):
        persons[name] = people.personalize(tablet, Identity(name)).person
        people.update_installation(tablet, device_name=f"phone of {name}", attributes={"of": name})
        people.tag_installation(tablet, add={f"tag of {name}"})
        if name != "chen":
            people.depersonalize(tablet)
    Rights(store, people).erase(persons["zoe"])
    told = repr(history.installation(tablet))
    assert "zoe" not in told
    assert {name for name in persons if f"phone of {name}" in told} == {"bea", "chen"}
    assert told.count("tag of bea") == 1
    assert Targeting(store).preview("shop", 'itag:"tag of chen" and external_id:chen') == [tablet]
    assert Profiles(store).of(tablet).installation.facts == {
        "push_token": "token",
        "os": "iOS",
        "device_name": "phone of chen",
    }
    is_whole(store)


class Fails:
    """Keys that fail at a chosen call."""

    def __init__(self, keys: SqlKeyStore, *, after: bool) -> None:
        self._keys = keys
        self._after = after
        self.new_keys, self.find = keys.new_keys, keys.find
        self.gone, self.destroyed = keys.gone, keys.destroyed

    def destroy(self, ids: Collection[str]) -> Mapping[str, str]:
        if self._after:
            self._keys.destroy(ids)
        raise StoreUnavailable("the power went")


@pytest.mark.parametrize("after", [False, True])
def test_R51_an_erasure_that_was_interrupted_goes_on(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path, *, after: bool
) -> None:
    person, phone = live(store)
    url = f"sqlite:///{tmp_path}/ledger.db"
    with SqlStore(url, keys=Fails(keys, after=after)) as failing:
        with pytest.raises(StoreUnavailable):
            Rights(failing).erase(person)
        assert Targeting(failing).count("shop", f"email:{EMAIL}") == 0, "nobody is reached"
    done = Rights(store).erase(person)
    assert done.done
    assert done.segments == ("shop/named",)
    kinds = [type(each.event) for each in History(store).person(person)]
    assert kinds[-2:] == [ErasureRequested, PersonErased]
    assert kinds.count(ErasureRequested) == 1
    assert found_in(everything_readable(store, person, phone)) == ["token"]
    is_whole(store)


def test_R50_an_installation_that_expired_before_an_erasure_has_no_address_after_it(
    store: SqlStore,
) -> None:
    person, phone = live(store)
    Personalization(store).expire(phone, "unregistered")
    Rights(store).erase(person)
    with store.auditing() as audit:
        assert [row.address for row in audit.rows()] == [None]
    assert VALUES["token"] not in repr(History(store).installation(phone))
    is_whole(store)


def test_R50_no_erasure_is_done_while_a_log_that_others_read_has_the_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA journal_mode = WAL")
    impatient = create_engine(f"sqlite:///{file}", connect_args={"timeout": 0.01})
    with SqlKeyStore(impatient, wrapping_key=WRAPPING) as keys:
        store = MemoryStore(keys=keys, indexed_attributes=INDEXED)
        person, _ = live(store)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM addressee_key").fetchall()
            with pytest.raises(StoreUnavailable, match="others read"):
                Rights(store).erase(person)
        assert Rights(store).erase(person).done
        assert not Path(f"{file}-wal").read_bytes()
    impatient.dispose()


def test_R51_a_backup_of_the_keys_is_destroyed_again_when_the_store_is_opened(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    person, phone = live(store)
    stream = f"person:{person}"
    lost = {*store.keys_of([stream])[stream].values()}
    for ending in ("", "-wal"):
        shutil.copy(tmp_path / f"keys.db{ending}", tmp_path / f"restored.db{ending}")
    Rights(store).erase(person)
    assert keys.find(lost) == dict.fromkeys(lost)
    with SqlKeyStore(f"sqlite:///{tmp_path}/restored.db", wrapping_key=WRAPPING) as restored:
        assert None not in restored.find(lost).values(), "the backup has them"
        with SqlStore(f"sqlite:///{tmp_path}/ledger.db", keys=restored) as opened:
            assert restored.find(lost) == dict.fromkeys(lost)
            assert found_in(everything_readable(opened, person, phone)) == ["token"]


def test_R51_an_erasure_is_repeated_in_a_ledger_from_before_it(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    person, phone = live(store)
    shutil.copytree(tmp_path, tmp_path / "backup")
    Rights(store).erase(person)
    with SqlStore(f"sqlite:///{tmp_path}/backup/ledger.db", keys=keys) as restored:
        Rebuild(restored).run()
        planned, done = (Rights(restored).erase(person, dry_run=dry) for dry in (True, False))
        assert (planned.events, planned.keys, done.done) == (done.events, done.keys, True)
        assert Profiles(restored).find(Identity(emails=[EMAIL])) is None
        people = Personalization(restored)
        again = people.personalize(phone, Identity(emails=[EMAIL]), {"first_name": "New"}).person
        assert again != person
        people.update_person(phone, Identity(VALUES["external id"]))
        found = Profiles(restored).find(Identity(VALUES["external id"]))
        assert found is not None
        assert found.name == again
        assert [*Targeting(restored).targets("shop", f"email:{EMAIL}")] == [phone]
        assert [*Targeting(restored).targets("shop", f'tag:"{VALUES["tag"]}"')] == []
        is_whole(restored)


def test_R50_an_erased_ledger_moves_on(store: SqlStore, keys: SqlKeyStore, tmp_path: Path) -> None:
    person, phone = live(store)
    Rights(store).erase(person)
    path = tmp_path / "erased.jsonl"
    export_ledger(store, lambda heading: opened_sink(path, heading), with_key=True)
    target = MemoryStore(keys=keys, indexed_attributes=INDEXED)
    with opened_source(path) as source:
        import_ledger(target, source)
    assert verify(target).differences == ()
    assert found_in(everything(target)) == ["token"]
    assert Targeting(target).preview("shop", "all") == [phone]


def test_R50_a_store_that_was_imported_with_a_copy_of_the_keys_is_erased_alone(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    person, phone = live(store)
    path = tmp_path / "sealed.jsonl"
    export_ledger(store, lambda heading: opened_sink(path, heading), with_key=True)
    for ending in ("", "-wal"):
        shutil.copy(tmp_path / f"keys.db{ending}", tmp_path / f"copied.db{ending}")
    with SqlKeyStore(f"sqlite:///{tmp_path}/copied.db", wrapping_key=WRAPPING) as copied:
        target = MemoryStore(keys=copied, indexed_attributes=INDEXED)
        with opened_source(path) as source:
            import_ledger(target, source)
        assert Rights(target).erase(person).done
        assert found_in(everything(target)) == ["token"]
    assert keys.destroyed() == 0
    assert [*Targeting(store).targets("shop", f"email:{EMAIL}")] == [phone]
    assert Profiles(store).person(person).attributes["first_name"] == VALUES["name"]
    is_whole(store)


def test_R50_the_memory_store_erases_too_and_a_store_in_clear_refuses() -> None:
    store = MemoryStore(keys=MemoryKeyStore(), indexed_attributes=INDEXED)
    person, _ = live(store)
    assert Rights(store).erase(person).done
    assert found_in(everything(store)) == ["token"]
    assert verify(store).differences == ()
    with pytest.raises(UnknownPerson):
        Rights(store).erase("nobody")
    clear = MemoryStore()
    person, _ = live(clear)
    with pytest.raises(StoreNotSealed):
        Rights(clear).erase(person)
    assert found_in(everything(clear))
