"""Read models that were damaged are named by `verify`, and mended by a rebuild (R37)."""

from __future__ import annotations

import pytest

from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Personalization, verify
from addressee.domain import InvalidValue
from tests.integration.rebuild.conftest import live
from tests.integration.rebuild.damages import (
    DAMAGES,
    corrupt_chunk,
    lost_addresses,
    missing_claim,
    wrong_owner,
)


def test_R37_damage_is_named_and_mended(store: SqlStore, *, long: bool) -> None:
    live(store, 1, 100 if long else 40)
    people = Personalization(store)
    people.define_segment("app1", "s9", "tag:vip")
    schema = store.parts.prepared.schema
    assert verify(store).differences == ()
    for place, damages in DAMAGES.items():
        for damage in damages:
            if damage is corrupt_chunk:
                store.compact()
            with store.database.writing() as connection:
                damage(connection, schema)
            found = verify(store).differences
            assert place in {difference.place for difference in found}, damage
            Rebuild(store, page=50).run()
            assert verify(store).differences == (), damage
            assert people.register("app1").installation
            assert verify(store).differences == (), damage


def test_R37_only_what_is_asked_for_is_rebuilt(store: SqlStore) -> None:
    live(store, 1, 100)
    with store.database.writing() as connection:
        wrong_owner(connection, store.parts.prepared.schema)
        missing_claim(connection, store.parts.prepared.schema)
    Rebuild(store, ["audiences", "segments"]).run()
    assert {d.place for d in verify(store).differences} == {"installation", "holder"}
    Rebuild(store, ["identifiers"]).run()
    assert {d.place for d in verify(store).differences} == {"installation"}
    Rebuild(store, ["installations"]).run()
    assert verify(store).differences == ()
    with store.database.writing() as connection:
        lost_addresses(connection, store.parts.prepared.schema)
    assert {d.problem for d in verify(store).differences} == {"address is not what the ledger says"}
    Rebuild(store, ["addresses"]).run()
    assert verify(store).differences == ()
    with pytest.raises(InvalidValue, match="there are: installations"):
        Rebuild(store, ["people"])
