"""Any application of `eventsourcing` can keep its events by our recorders (R30)."""

from __future__ import annotations

import pytest
from eventsourcing.persistence import InfrastructureFactoryError
from eventsourcing.utils import Environment

from addressee.adapters.sql import SqlFactory
from addressee.adapters.sql.engine.engine_factory import made_engine
from tests.benchmarks.writing.stock import Person, StockService


def test_an_application_with_aggregates_of_its_own_runs_on_our_tables(url: str) -> None:
    environment = {"PERSISTENCE_MODULE": "addressee.adapters.sql", "ADDRESSEE_URL": url}
    first = StockService(environment)
    installation, person = first.register(1), first.create(1)
    first.personalize(installation, person)
    first.close()
    again = StockService(environment)
    found: Person = again.repository.get(person)
    assert list(found.devices) == [str(installation)]
    noted = again.notification_log.select(start=1, limit=10)
    assert [n.originator_version for n in noted] == [1, 1, 2, 2, 3]
    assert {n.originator_id for n in noted} == {installation, person}
    again.close()


def test_a_host_gives_its_engine(url: str) -> None:
    engine = made_engine(url)
    factory = SqlFactory(Environment("host"), engine)
    assert list(factory.application_recorder().select_events("a")) == []
    assert factory.tracking_recorder().max_tracking_id("x") is None
    assert factory.process_recorder().max_notification_id() is None
    assert list(factory.aggregate_recorder().select_events("a")) == []
    factory.close()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from host_event").scalar() == 0
    engine.dispose()
    with pytest.raises(InfrastructureFactoryError, match="ADDRESSEE_URL"):
        SqlFactory(Environment("host"))
