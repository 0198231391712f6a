"""A copy that does not belong to its ledger is noticed before a command is recorded (R30, R37)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    OperationalError,
    StoredEvent,
)
from eventsourcing.popo import POPOApplicationRecorder

from addressee.adapters.eventsourcing_store import RecorderStore
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Targeting
from addressee.domain import StoreDamaged, StoreUnavailable


@pytest.fixture
def copy(tmp_path: Path) -> Generator[SqlStore]:
    with SqlStore(f"sqlite:///{tmp_path}/copy.db") as copy:
        yield copy


@pytest.fixture
def ledger(copy: SqlStore) -> POPOApplicationRecorder:
    """A ledger of six events, which the copy follows."""
    ledger = POPOApplicationRecorder()
    people = Personalization(RecorderStore(ledger, copy))
    people.register("shop", installation="phone")
    people.personalize("phone", Identity(external_id="bea"))
    assert len(events(ledger)) == copy.last() == 6
    return ledger


def events(ledger: ApplicationRecorder) -> Sequence[StoredEvent]:
    return ledger.select_notifications(1, 100)


def holding(*recorded: StoredEvent) -> POPOApplicationRecorder:
    """Return a ledger of these events, as a restored one would be."""
    ledger = POPOApplicationRecorder()
    columns = [(e.originator_id, e.originator_version, e.topic, e.state) for e in recorded]
    ledger.insert_events([StoredEvent(*each) for each in columns])
    return ledger


@pytest.mark.parametrize("restored", range(6))
def test_R37_a_copy_ahead_of_a_restored_ledger_is_refused(
    ledger: POPOApplicationRecorder, copy: SqlStore, restored: int
) -> None:
    earlier = holding(*events(ledger)[:restored])
    with pytest.raises(StoreDamaged, match=r"the copy's last event, 6: .* restored"):
        RecorderStore(earlier, copy)
    assert len(events(earlier)) == restored


def test_R37_a_ledger_that_went_another_way_since_is_refused(
    ledger: POPOApplicationRecorder, copy: SqlStore, tmp_path: Path
) -> None:
    other = holding(*events(ledger)[:1])
    with SqlStore(f"sqlite:///{tmp_path}/new.db", identifier_key=copy.identifier_key) as new:
        store = RecorderStore(other, new)
        store.catch_up()
        people = Personalization(store)
        people.personalize("phone", Identity(external_id="ali"))
        people.register("shop", installation="later")
        assert len(events(other)) > copy.last()
        with pytest.raises(StoreDamaged):
            RecorderStore(other, copy)


def test_R37_a_copy_that_was_restored_catches_up(
    ledger: POPOApplicationRecorder, tmp_path: Path, copy: SqlStore
) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/old.db", identifier_key=copy.identifier_key) as old:
        RecorderStore(holding(*events(ledger)[:1]), old).catch_up()
        assert RecorderStore(ledger, old).catch_up() == 6
        assert Targeting(old).count("shop", "external_id:bea") == 1


class Away(POPOApplicationRecorder):
    """A ledger that is not reached."""

    def insert_events(self, *_: object, **__: object) -> Sequence[int] | None:
        raise OperationalError

    def select_notifications(self, *_: object, **__: object) -> list[Notification]:
        raise OperationalError


def test_R37_a_ledger_that_is_restored_while_it_was_away_is_refused(
    ledger: POPOApplicationRecorder, copy: SqlStore
) -> None:
    store = RecorderStore(ledger, copy)
    people = Personalization(store)
    earlier = holding(*events(ledger)[:1])
    store._ledger = Away()
    with pytest.raises(StoreUnavailable):
        people.depersonalize("phone")
    store._ledger = earlier
    for call in (lambda: people.depersonalize("phone"), store.catch_up):
        with pytest.raises(StoreDamaged):
            call()
    assert len(events(earlier)) == 1
    store._ledger = ledger
    people.depersonalize("phone")
    assert Targeting(store).count("shop", "external_id:bea") == 0
