"""The same two aggregates as `eventsourcing`'s documentation would write them: declaratively."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from sqlalchemy import make_url


class Installation(Aggregate):
    @event("Registered")
    def __init__(
        self,
        application: str,
        facts: dict[str, Any],
        push_enabled: bool,  # a field of the event
        notifications_enabled: bool,  # a field of the event
        actor: str,
    ) -> None:
        self.application = application
        self.facts = facts
        self.push_enabled = push_enabled
        self.notifications_enabled = notifications_enabled
        self.person: str | None = None

    @event("DevicePersonalized")
    def personalize(self, application: str, person: str, actor: str) -> None:
        self.person = person

    @event("DeviceDepersonalized")
    def depersonalize(self, application: str, person: str, reason: str, actor: str) -> None:
        self.person = None


class Person(Aggregate):
    @event("Created")
    def __init__(self, type: str, actor: str) -> None:  # noqa: A002 # a field of the event
        self.type = type
        self.identifiers: dict[str, str] = {}
        self.devices: dict[str, str] = {}

    @event("IdentifierAdded")
    def add_identifier(self, kind: str, value: str, actor: str) -> None:
        self.identifiers[kind] = value

    @event("DevicePersonalized")
    def personalize(self, installation: str, application: str, actor: str) -> None:
        self.devices[installation] = application

    @event("DeviceDepersonalized")
    def depersonalize(self, installation: str, application: str, reason: str, actor: str) -> None:
        self.devices.pop(installation)


class StockService(Application[UUID]):
    """Load two, save two, with the stock mapper and JSON transcoder."""

    def register(self, number: int) -> UUID:
        facts = {"os": "android", "push_token": f"token-{number}"}
        installation = Installation("shop", facts, True, True, "device")
        self.save(installation)
        return installation.id

    def create(self, number: int) -> UUID:
        person = Person("CUSTOMER", "device")
        person.add_identifier("external_id", f"person-{number}", "device")
        self.save(person)
        return person.id

    def personalize(self, installation_id: UUID, person_id: UUID) -> None:
        installation: Installation = self.repository.get(installation_id)
        person: Person = self.repository.get(person_id)
        installation.personalize("shop", str(person_id), "device")
        person.personalize(str(installation_id), "shop", "device")
        self.save(installation, person)

    def depersonalize(self, installation_id: UUID, person_id: UUID) -> None:
        installation: Installation = self.repository.get(installation_id)
        person: Person = self.repository.get(person_id)
        installation.depersonalize("shop", str(person_id), "logout", "device")
        person.depersonalize(str(installation_id), "shop", "logout", "device")
        self.save(installation, person)


def stock_environment(url: str) -> dict[str, str]:
    """Return what makes a stock application use a database."""
    where = make_url(url)
    if where.get_backend_name() == "sqlite":
        return {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": where.database or "",
        }
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": where.database or "",
        "POSTGRES_HOST": where.host or "",
        "POSTGRES_PORT": str(where.port),
        "POSTGRES_USER": where.username or "",
        "POSTGRES_PASSWORD": where.password or "",
    }
