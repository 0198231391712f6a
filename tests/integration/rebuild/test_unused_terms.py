"""A rebuild drops terms that nobody has any more (R50)."""

from __future__ import annotations

from addressee.adapters.sql import Rebuild, RebuildProgress, SqlStore
from addressee.application import Identity, Personalization, Targeting, verify


def terms(store: SqlStore) -> set[str]:
    with store.auditing() as audit:
        return {term for _, term in audit.terms()}


def test_R50_a_term_that_nobody_has_is_gone_after_a_rebuild_and_may_come_back(
    store: SqlStore,
) -> None:
    people, reach = Personalization(store), Targeting(store)
    phone = people.register("shop").installation
    ali = people.personalize(phone, Identity("ali"), tags={"kept", "gone", "back"}).person
    people.tag(ali, remove={"gone", "back"})
    store.compact()
    assert {"tag:gone", "tag:back"} <= terms(store), "until a rebuild"
    before = len(terms(store))

    def tag(_: RebuildProgress) -> None:
        people.tag(ali, add={"back"})

    Rebuild(store).run(tag)
    assert "tag:gone" not in terms(store)
    assert len(terms(store)) == before - 1
    assert reach.preview("shop", "tag:back and tag:kept") == [phone]
    assert reach.count("shop", "tag:gone") == 0
    people.tag(ali, add={"new", "gone"}, remove={"back"})
    assert reach.preview("shop", "tag:gone and tag:new and not tag:back") == [phone]
    assert verify(store).differences == ()
    Rebuild(store, ["audiences"]).run()
    assert reach.preview("shop", "tag:gone and tag:new and not tag:back") == [phone]
    assert "tag:back" not in terms(store)
    assert verify(store).differences == ()
