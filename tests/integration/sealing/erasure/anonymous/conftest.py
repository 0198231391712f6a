"""Devices that tell something while nobody is signed in on them, and expire."""

from __future__ import annotations

import pytest

from addressee.application import History, Identity
from addressee.domain import MobileApp
from tests.integration.sealing.erasure.conftest import DAY, Life, Sealed

SHOP = MobileApp(code="shop", erase_anonymous_after=30 * DAY)


class Devices(Life):
    """Devices in a sealed store."""

    def anonymous(self, name: str, application: str = "shop") -> str:
        """Register a device that says all that one can say while nobody is signed in."""
        self.people.register(
            application,
            installation=name,
            os="Android",
            push_token=f"token-of-{name}",
            device_name=f"name-of-{name}",
        )
        self.people.tag_installation(name, add={f"tag-of-{name}"})
        self.people.update_installation(name, attributes={"colour": f"colour-of-{name}"})
        return name

    def expired(self, name: str, application: str = "shop") -> str:
        """Have one expire at once."""
        self.anonymous(name, application)
        self.people.expire(name, "token_rejected")
        return name

    def shared(self, name: str) -> tuple[str, str]:
        """Have a device tell something before, between and after two persons, and expire."""
        people = self.people
        people.register("shop", installation=name, device_name="told-first")
        one = people.personalize(name, Identity("one")).person
        people.update_installation(name, device_name="told-by-one")
        people.depersonalize(name)
        people.update_installation(name, device_name="told-between", push_token="token-between")
        two = people.personalize(name, Identity("two")).person
        people.update_installation(name, device_name="told-by-two")
        people.depersonalize(name)
        people.update_installation(name, device_name="told-last")
        people.tag_installation(name, add={"told-last-too"})
        people.expire(name, "unregistered")
        return one, two

    def told(self, name: str) -> str:
        """Return all that the ledger can still tell of a device."""
        return repr(History(self.store).installation(name))


@pytest.fixture
def life(any_store: Sealed) -> Devices:
    any_store.applications.put(SHOP)
    return Devices(any_store)
