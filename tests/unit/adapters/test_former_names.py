"""Names that moved are still importable from where they were."""

from __future__ import annotations

from addressee import domain
from addressee.adapters import eventsourcing_store, files, http, http_client, ledger_files, recorder


def test_former_names_are_the_same_objects() -> None:
    assert files.opened_sink is ledger_files.opened_sink
    assert files.opened_source is ledger_files.opened_source
    assert recorder.RecorderStore is eventsourcing_store.RecorderStore
    assert http.Client is http_client.Client
    assert domain.Application is domain.MobileApp
