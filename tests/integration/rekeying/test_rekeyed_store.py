"""Seals, exports, rebuilds and other processes after the identifier key was replaced (R5, R58)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from addressee.adapters.following import LedgerPages
from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    History,
    Identity,
    Message,
    Notifier,
    Past,
    Personalization,
    Profiles,
    Targeting,
    export_ledger,
    import_ledger,
    lost_anchors,
    rekey,
    verify,
)
from addressee.domain import IdentifierKeyOutdated, IdentifierKeyWrong, InvalidValue
from tests.contract.merges.test_lives import shown

KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
PERSONS = 5


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url) as store:
        live(store, 0)
        yield store


def live(store: SqlStore, first: int) -> None:
    """Have persons sign in, one of whom loses an e-mail, and two of whom are merged."""
    people = Personalization(store)
    for n in range(first, first + PERSONS):
        people.register("shop", installation=f"d{n}", push_token=f"t{n}")
        people.personalize(f"d{n}", Identity(f"id{n}", emails=[f"{n}@x.com"]))
    people.update_person(f"d{first}", remove=Identity(emails=[f"{first}@x.com"]))
    find = Profiles(store).find
    one, other = (find(Identity(f"id{first + n}")) for n in (1, 2))
    assert one
    assert other
    digest = people.preview_merge(one.name, other.name).digest
    people.merge(one.name, other.name, digest=digest, force="they are one")


def test_R58_seals_taken_before_still_hold(store: SqlStore) -> None:
    first = store.seal()
    rekey(store)
    live(store, PERSONS)
    second = store.seal()
    rekey(store, KEY)
    third = store.seal()
    assert first
    assert second
    assert third
    assert len({each.key_fingerprint for each in (first, second, third)}) == 3
    found = verify(store)
    assert (found.sealed, found.differences) == (third.last, ())
    with store.auditing() as audit:
        assert lost_anchors(audit, [first, second, third]) == []
    store.identifier_key = OTHER
    with pytest.raises(IdentifierKeyOutdated):
        verify(store)


def test_R37_rebuild_and_copies_equal_the_store(
    store: SqlStore, new_url: Callable[[], str], tmp_path: Path
) -> None:
    with store.auditing() as audit:
        before = audit.last()
    old, files = store.identifier_key, [tmp_path / f"{name}.jsonl" for name in "abc"]
    export_ledger(store, lambda heading: opened_sink(files[0], heading))
    rekey(store)
    live(store, PERSONS)
    Rebuild(store).run()
    assert verify(store).differences == ()
    export_ledger(store, lambda heading: opened_sink(files[1], heading))
    with SqlStore(new_url()) as copy:
        with opened_source(files[1]) as source, pytest.raises(IdentifierKeyWrong):
            import_ledger(copy, source, key=old)
        with opened_source(files[1]) as source:
            import_ledger(copy, source, key=store.identifier_key)
        assert shown(copy)["claims"] == shown(store)["claims"]
        assert verify(copy).differences == ()
        export_ledger(copy, lambda heading: opened_sink(files[2], heading))
        assert Targeting(copy).as_of(before).preview("shop", "external_id:id2") == ["d1", "d2"]
    assert files[1].read_bytes() == files[2].read_bytes()
    earlier = MemoryStore()
    with opened_source(files[0]) as source:
        import_ledger(earlier, source, key=old)
    rekey(earlier)
    assert verify(earlier).differences == ()


def test_R5_R58_processes_with_the_old_key_are_refused(
    url: str, store: SqlStore, tmp_path: Path
) -> None:
    with SqlStore(url) as other:
        people, reach, profiles = Personalization(other), Targeting(other), Profiles(other)
        before = reach.preview("shop", "external_id:id3")
        end, old = store.last(), other.identifier_key
        rekey(store)
        notifier = Notifier(other, {"fcm": RecordingPush()})
        refused: list[Callable[[], object]] = [
            lambda: people.personalize("d0", Identity("id0")),
            lambda: people.register("shop", installation="new", push_token="t0"),
            lambda: people.depersonalize("d0", idempotency_key="again"),
            lambda: reach.count("shop", "external_id:id3"),
            lambda: reach.count("shop", "external_id:id3 or external_id:id4 and not tag:x"),
            lambda: reach.as_of(end).count("shop", "external_id:id3"),
            lambda: Past(other, end),
            lambda: profiles.find(Identity("id3")),
            lambda: History(other).identifier("external_id", "id3"),
            lambda: notifier.dispatch("shop", "all", Message("a"), idempotency_key="again"),
            lambda: rekey(other),
            lambda: rekey(other, dry_run=True),
            Rebuild(other).run,
            other.seal,
            lambda: verify(other),
            lambda: export_ledger(other, lambda h: opened_sink(tmp_path / "old.jsonl", h)),
            lambda: LedgerPages(other)(0, 0, end),
            lambda: SqlStore(url, identifier_key=old),
            lambda: SqlStore(url, identifier_key=OTHER),
        ]
        for place, call in enumerate(refused):
            with pytest.raises(IdentifierKeyOutdated, match="open the store again"):
                assert call() is None, place
    with SqlStore(url) as again:
        assert Targeting(again).preview("shop", "external_id:id3") == before == ["d3"]
        Personalization(again).personalize("d0", Identity("id0"))
        again.seal()
        assert verify(again).differences == ()
    assert not [*tmp_path.glob("old*")]


def test_R5_a_key_of_the_host_s_stays_with_the_host(url: str) -> None:
    with SqlStore(url, identifier_key=KEY) as store:
        live(store, 0)
        with pytest.raises(InvalidValue, match="should be given"):
            rekey(store)
        rekey(store, OTHER)
        assert Targeting(store).preview("shop", "external_id:id3") == ["d3"]
    with pytest.raises(IdentifierKeyOutdated):
        SqlStore(url, identifier_key=KEY)
    with SqlStore(url, identifier_key=OTHER) as store:
        assert not store.keeps_key
        assert verify(store).differences == ()


def test_R5_a_key_that_never_was_the_ledger_s_replaces_none(url: str) -> None:
    with SqlStore(url, identifier_key=KEY) as store:
        live(store, 0)
    with SqlStore(url, identifier_key=OTHER) as wrong:
        last = wrong.last()
        with pytest.raises(IdentifierKeyWrong):
            rekey(wrong, bytes(32))
        assert wrong.last() == last


def test_the_old_key_is_in_no_file_and_sessions_go_on(tmp_path: Path) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        live(store, 0)
        old, secret = store.identifier_key, store.applications.session_secret()
        rekey(store)
        assert store.applications.session_secret() == secret
        new = store.identifier_key
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert new in content
    assert old not in content
