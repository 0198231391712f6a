"""A projection on PostgreSQL as `eventsourcing` documents it: a transaction an event."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from tests.benchmarks.writing.stock import Installation, Person, StockService


class Owners(PostgresTrackingRecorder):
    """A table of owners."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 # its parent's
        super().__init__(*args, **kwargs)
        table = "CREATE TABLE IF NOT EXISTS owner (installation text PRIMARY KEY, person text)"
        self.sql_create_statements.append(SQL(table).format())

    def put(self, installation: str, person: str | None, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "INSERT INTO owner VALUES (%s, %s)"
                " ON CONFLICT (installation) DO UPDATE SET person = excluded.person",
                (installation, person),
            )


class OwnersProjection(Projection[Owners]):
    name = "owners"

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ANN401 # its parent's
        person = getattr(domain_event, "person", None)
        self.view.put(str(domain_event.originator_id), person, tracking)


def told(service: StockService, events: int) -> None:
    """Let as many events happen: people sign in and out."""
    for n in range(0, events, 80):
        aggregates: list[Installation | Person] = []
        for each in range(n, n + 80, 8):
            facts = {"os": "android", "push_token": f"token-{each}"}
            device = Installation("shop", facts, True, True, "device")  # noqa: FBT003 # as registered
            person = Person("CUSTOMER", "device")
            person.add_identifier("external_id", f"person-{each}", "device")
            device.personalize("shop", str(person.id), "device")
            person.personalize(str(device.id), "shop", "device")
            person.add_identifier("email", f"person-{each}@x.com", "device")
            device.depersonalize("shop", str(person.id), "logout", "device")
            person.depersonalize(str(device.id), "shop", "logout", "device")
            aggregates += [device, person]
        service.save(*aggregates)


def projected(environment: Mapping[str, str], events: int, name: str) -> float:
    """Return the seconds that one event takes."""
    OwnersProjection.name = name
    start = perf_counter()
    with ProjectionRunner(
        application_class=StockService,
        projection_class=OwnersProjection,
        view_class=Owners,
        env=environment,
    ) as runner:
        runner.wait(events, timeout=600)
    return (perf_counter() - start) / events
