"""Custom attributes of every type come through a rebuild, an export and an import (R46)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    Identity,
    Personalization,
    Profiles,
    Targeting,
    export_ledger,
    import_ledger,
    verify,
)
from addressee.domain import Attributes

GIVEN: Attributes = {
    "text": "žan \N{FOX FACE}",
    "number": 3,
    "price": 12.5,
    "large": 2**53,
    "yes": True,
    "no": False,
    "day": date(2026, 1, 2),
    "cart": [{"product": "shoes", "price": 12.5, "gift": True, "size": 42, "on": date(2026, 1, 2)}],
    "empty": [],
}
INDEXED = [f"{kind}.{name}" for kind in ("attr", "iattr") for name in GIVEN]
FOUND = {"number": "3", "price": "12.5", "yes": "true", "no": "false", "day": "2026-01-02"}
AUDIENCE = " and ".join(
    f"{kind}.{name}:{value}" for kind in ("attr", "iattr") for name, value in FOUND.items()
)


def known(store: SqlStore) -> tuple[object, list[str]]:
    """Return the attributes of device and person with their types, and the audience of all."""
    assert verify(store).differences == ()
    profile = Profiles(store).of("phone")
    assert profile.person is not None
    attributes = repr((profile.person.attributes, profile.installation.attributes))
    return attributes, [*Targeting(store).targets("shop", AUDIENCE)]


def test_R46_attributes_come_through_rebuild_export_and_import(
    new_url: Callable[[], str], tmp_path: Path
) -> None:
    with SqlStore(new_url(), indexed_attributes=INDEXED) as store:
        people = Personalization(store)
        people.register("shop", installation="phone")
        people.update_installation("phone", attributes=GIVEN)
        people.personalize("phone", Identity(external_id="ali"), GIVEN)
        before = known(store)
        assert before[1] == ["phone"]
        assert str(before[0]).count("'product': 'shoes'") == 2
        Rebuild(store).run()
        assert known(store) == before
        for suffix in (".jsonl", ".parquet"):
            path = tmp_path / f"ledger{suffix}"
            export_ledger(store, partial(opened_sink, path), with_key=True)
            with SqlStore(new_url()) as copy, opened_source(path) as source:
                import_ledger(copy, source)
                assert known(copy) == before
