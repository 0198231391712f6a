"""Actions have nothing to seal: they are read and written without keys, and travel along (R60)."""

from __future__ import annotations

from pathlib import Path

from addressee.adapters.keys import MemoryKeyStore
from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    Administration,
    History,
    Identity,
    Personalization,
    Rights,
    export_ledger,
    import_ledger,
    rekey,
    verify,
)
from addressee.domain import MobileApp, personal_fields
from addressee.domain.events import EVENT_TYPES, Action


def exported(store: SqlStore | MemoryStore, path: Path) -> bytes:
    export_ledger(store, lambda heading: opened_sink(path, heading), with_key=True)
    return path.read_bytes()


def test_R60_no_action_has_personal_data() -> None:
    assert not any(personal_fields(each) for each in EVENT_TYPES if issubclass(each, Action))


def test_R60_actions_go_through_a_sealed_ledger_that_is_sealed_erased_rekeyed_and_copied(
    tmp_path: Path,
) -> None:
    url, keys = f"sqlite:///{tmp_path}/shop.db", MemoryKeyStore()
    store = SqlStore(url, keys=keys)
    people = Personalization(store)
    phone = people.register("shop", push_token="token-0123456789").installation
    ali = people.personalize(phone, Identity(external_id="ali")).person
    with SqlStore(url) as locked:  # the command line without the keys
        Administration(locked, "operator:ali").put(MobileApp(code="shop"))
        made = Administration(locked, "operator:ali").issue_key("shop", "admin")
    told = History(store).actions("shop")
    assert [type(event).__name__ for _, event in told] == ["KeyIssued", "PolicyChanged"]
    store.seal()
    Rights(store).erase(ali)
    rekey(store)
    Rebuild(store).run()
    assert History(store).actions("shop") == told
    assert verify(store).differences == ()
    for suffix in ("jsonl", "parquet"):
        written = exported(store, tmp_path / f"first.{suffix}")
        assert made.partition(".")[2].encode() not in written
        other = MemoryStore(keys=keys)
        with opened_source(tmp_path / f"first.{suffix}") as source:
            import_ledger(other, source)
        assert History(other).actions("shop") == told
        assert exported(other, tmp_path / f"second.{suffix}") == written
    store.close()
