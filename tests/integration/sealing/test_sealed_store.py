"""Personal data is in clear in no byte that a sealed store writes, and all else goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from eventsourcing.popo import POPOApplicationRecorder
from sqlalchemy import create_engine, update

from addressee.adapters.eventsourcing_store import RecorderStore
from addressee.adapters.keys import MemoryKeyStore, SqlKeyStore
from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    FillableStore,
    History,
    Identity,
    Personalization,
    Profiles,
    Targeting,
    broken_seals,
    export_ledger,
    import_ledger,
    verify,
)
from addressee.domain import (
    IdentifierClaimed,
    InvalidValue,
    KeyMissing,
    StoreDamaged,
    StoreNotSealed,
    StoreSealed,
    WrappingKeyWrong,
    key_fingerprint,
)
from tests.integration.sealing.conftest import (
    INDEXED,
    VALUES,
    WRAPPING,
    found_in,
    live,
    send,
)

AUDIENCES = {
    f'tag:"{VALUES["tag"]}"',
    f'itag:"{VALUES["installation tag"]}"',
    f'attr.plan:"{VALUES["plan"]}"',
    f"email:{VALUES['email']}",
    "segment:named and os:android",
}


def exported(store: SqlStore | MemoryStore, path: Path) -> bytes:
    export_ledger(store, lambda heading: opened_sink(path, heading), with_key=True)
    return path.read_bytes()


def imported(store: FillableStore, path: Path) -> None:
    with opened_source(path) as source:
        import_ledger(store, source)


def test_R50_none_of_a_persons_values_is_in_any_byte_and_everything_works(
    store: SqlStore, tmp_path: Path
) -> None:
    assert len(found_in(repr(VALUES).encode())) == len(VALUES), "the search finds what is there"
    person, phone = live(store)
    send(store)
    reach = Targeting(store)
    for _ in ("from the delta", "from the chunks", "rebuilt"):
        for audience in AUDIENCES:
            assert [*reach.targets("shop", audience)] == [phone], audience
            [recipient] = reach.recipients("shop", audience)
            assert recipient.address == VALUES["token"]
        assert verify(store).differences == ()
        if not store.compact():
            Rebuild(store).run()
    assert reach.as_of(History(store).person(person)[-1].position).count("shop", "all") == 1
    exported(store, tmp_path / "export.jsonl")
    exported(store, tmp_path / "export.parquet")
    files = [path for path in tmp_path.iterdir() if path.stat().st_size]
    assert {"ledger.db-wal", "keys.db", "export.jsonl"} <= {path.name for path in files}
    for path in files:
        assert found_in(path.read_bytes()) == [], path.name


def test_R50_a_store_that_is_opened_again_reads_with_its_keys_and_refuses_without(
    store: SqlStore, keys: SqlKeyStore, reopened: Callable[..., SqlStore]
) -> None:
    live(store)
    with reopened(keys) as again:
        found = Profiles(again).find(Identity(VALUES["external id"]))
        assert found is not None
        claimed = History(again).identifier("email", VALUES["email"])[-1].event
        assert isinstance(claimed, IdentifierClaimed)
        assert found.name == claimed.person
    with reopened() as locked:
        with pytest.raises(StoreSealed):
            Personalization(locked).register("shop", push_token="another")
        with pytest.raises(StoreSealed):
            list(History(locked).actor("backend"))
        for audience in ("all", "tag:vip", "not tag:vip"):
            with pytest.raises(StoreSealed):
                Targeting(locked).count("shop", audience)
        seal = locked.seal()
        assert seal is not None, "the chain runs over what is stored"
        with locked.auditing() as audit:
            assert broken_seals(audit, key_fingerprint(locked.identifier_key)) == (seal.last, [])
    assert verify(store).differences == ()
    with pytest.raises(KeyMissing, match="the store itself"):
        reopened(MemoryKeyStore())


def test_R50_a_store_in_clear_takes_no_keys(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/clear.db"
    with SqlStore(url) as clear:
        Personalization(clear).register("shop")
    with pytest.raises(StoreNotSealed):
        SqlStore(url, keys=MemoryKeyStore())
    with pytest.raises(InvalidValue, match="keys"):
        SqlStore(f"sqlite:///{tmp_path}/other.db", keys=MemoryKeyStore(), mapper=EventMapper())
    with (
        SqlKeyStore(f"sqlite:///{tmp_path}/same.db", wrapping_key=WRAPPING) as keys,
        pytest.raises(InvalidValue, match="a file of their own"),
    ):
        SqlStore(f"sqlite:///{tmp_path}/same.db", keys=keys)
    engine = create_engine(f"sqlite:///{tmp_path}/engine.db")
    with (
        SqlKeyStore(engine, wrapping_key=WRAPPING, prefix="k_") as keys,
        pytest.raises(InvalidValue, match="an engine of their own"),
    ):
        SqlStore(engine, keys=keys)
    engine.dispose()


def test_R50_a_sealed_store_follows_no_recorder_whose_events_are_in_clear(store: SqlStore) -> None:
    with pytest.raises(InvalidValue, match="can't be sealed"):
        RecorderStore(POPOApplicationRecorder(), store)


def test_R50_a_key_that_is_missing_and_was_not_destroyed_is_an_error_that_names_the_stream(
    store: SqlStore, keys: SqlKeyStore
) -> None:
    person, _ = live(store)
    stream = f"person:{person}"
    lost = {*store.keys_of([stream])[stream].values()}
    assert len(lost) == 1, "a stream has one key while nothing changes hands"
    table = keys._table  # a backup from before the key
    with keys.database.writing() as connection:
        connection.execute(table.delete().where(table.c.id.in_(lost)))
    keys.destroy(["0" * 16])  # so that no key is cached
    with pytest.raises(KeyMissing, match=stream):
        History(store).person(person)
    assert stream in str(verify(store).differences)


def test_R50_what_was_sealed_for_one_place_opens_at_no_other(store: SqlStore) -> None:
    person, _ = live(store)
    stream = f"person:{person}"
    with store.auditing() as audit:
        events = [each for each in audit.stored(0, 100) if each.stream == stream]
    one, other = (each for each in events if each.topic == "addressee.IdentifierAdded"
                  and each.version in {2, 3})  # fmt: skip
    sealing = store.parts.sealing
    assert sealing is not None
    for moved in (
        one._replace(version=other.version),
        one._replace(stream=f"person:{person}x"),
        one._replace(topic="addressee.IdentifierRemoved"),
        one._replace(state=one.state.replace(b'"sealed":"', b'"sealed":"A', 1)),
    ):
        with pytest.raises(StoreDamaged):
            sealing.opened([moved])
    assert b'"value"' in sealing.opened([one])[0][4]
    table = store.parts.prepared.schema.segment
    with store.database.writing() as connection:
        connection.execute(update(table).values(name="renamed"))
    with pytest.raises(StoreDamaged, match="renamed"):
        Targeting(store).count("shop", "segment:renamed")


def test_R50_an_installation_has_other_keys_whenever_it_changes_hands(store: SqlStore) -> None:
    people = Personalization(store)
    tablet = people.register("shop", push_token="t1", os="iOS").installation
    for name in ("ali", "bea"):
        people.personalize(tablet, Identity(name))
        people.update_installation(tablet, device_name=f"{name}'s")
        people.tag_installation(tablet, add={name})
        people.depersonalize(tablet)
    people.update_installation(tablet, os_version="26")
    keys = [*store.keys_of([f"installation:{tablet}"])[f"installation:{tablet}"].values()]
    before, ali, again, bea, same, after = keys
    assert (ali, bea) == (again, same)
    assert len({before, ali, bea, after}) == len(keys) - 2


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_R50_a_ledger_in_clear_is_sealed_by_export_and_import(
    kind: str, tmp_path: Path, keys: SqlKeyStore, store: SqlStore
) -> None:
    clear = MemoryStore(indexed_attributes=INDEXED)
    person, phone = live(clear)
    assert found_in(exported(clear, tmp_path / "clear.jsonl"))
    target = store if kind == "sqlite" else MemoryStore(keys=keys)
    imported(target, tmp_path / "clear.jsonl")
    assert verify(target).differences == ()
    for audience in AUDIENCES:
        assert [*Targeting(target).targets("shop", audience)] == [phone]
    assert [each.event for each in History(target).person(person)] == [
        each.event for each in History(clear).person(person)
    ]
    assert found_in(exported(target, tmp_path / "sealed.jsonl")) == []


def test_R50_a_sealed_ledger_moves_byte_by_byte_and_needs_its_keys(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    _, phone = live(store)
    sealed = exported(store, tmp_path / "one.jsonl")
    with SqlStore(f"sqlite:///{tmp_path}/other.db", keys=keys) as other:
        imported(other, tmp_path / "one.jsonl")
        assert exported(other, tmp_path / "two.jsonl") == sealed
        assert verify(other).differences == ()
        Personalization(other).tag_installation(phone, add={"later"})
    with SqlStore(f"sqlite:///{tmp_path}/other.db", keys=keys) as other:
        assert [*Targeting(other).targets("shop", "itag:later and segment:named")] == [phone]
    with SqlStore(f"sqlite:///{tmp_path}/unsealed.db") as unsealed:
        for target in (MemoryStore(), unsealed):
            with pytest.raises(StoreSealed):
                imported(target, tmp_path / "one.jsonl")
            assert Targeting(target).count("shop", "all") == 0
    strange = MemoryStore(keys=MemoryKeyStore())
    with pytest.raises(InvalidValue, match="is not in the key store"):
        imported(strange, tmp_path / "one.jsonl")


def test_R50_the_wrapping_key_can_be_replaced(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    live(store)
    url, newer = keys.database.engine.url, bytes(32)
    with pytest.raises(InvalidValue, match="32 bytes, 16 given"):
        SqlKeyStore(url, wrapping_key=bytes(16))
    with SqlKeyStore(url, wrapping_key=newer, retired=[WRAPPING]) as both:
        before = both.find(ids := [key.id for key in both.new_keys(600)])
        with SqlKeyStore(url, wrapping_key=WRAPPING) as old, pytest.raises(WrappingKeyWrong):
            old.find(ids)
        assert both.rewrap() >= 64, "those that the store has used"
        assert both.rewrap() == 0
    with SqlKeyStore(url, wrapping_key=newer) as only:
        assert only.find(ids) == before
        with SqlStore(f"sqlite:///{tmp_path}/ledger.db", keys=only) as again:
            assert verify(again).differences == ()
    with (
        SqlKeyStore(url, wrapping_key=WRAPPING) as old,
        pytest.raises(WrappingKeyWrong),
    ):
        SqlStore(f"sqlite:///{tmp_path}/ledger.db", keys=old)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_R51_a_key_that_was_destroyed_stays_so(kind: str, keys: SqlKeyStore) -> None:
    store = keys if kind == "sqlite" else MemoryKeyStore()
    one, other = store.new_keys(2)
    before = store.destroyed()
    first = store.destroy([one.id, "f" * 16])
    assert store.destroyed() != before
    assert first["f" * 16] == ""
    assert first[one.id]
    assert store.destroy([one.id, "f" * 16]) == first, "it may be repeated"
    assert store.find([one.id, other.id, "f" * 16, "e" * 16]) == {
        one.id: None,
        other.id: other.secret,
        "f" * 16: None,
    }
    assert one.secret.hex() not in repr(one)
