"""A shop with persons, devices and pushes: what the portal's tests and screenshots look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event

from fastapi import FastAPI

from addressee.adapters.http import create_app
from addressee.adapters.keys import MemoryKeyStore
from addressee.adapters.memory import MemoryStore
from addressee.adapters.portal import Maintenance, PortalSettings, mount_portal
from addressee.adapters.portal.settings import Progress, Work
from addressee.adapters.push import RecordingPush
from addressee.application import (
    Identity,
    Message,
    Notifier,
    Personalization,
    Scope,
    issue_key,
)
from addressee.domain import MobileApp

EVIL = "<script>document.title='stolen'</script><img src=x onerror=\"document.title='stolen'\">"
"""A script that somebody stores as a name, a tag or the name of a device."""
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
ROLES: tuple[Scope, ...] = ("read", "support", "marketing", "admin")


class Waiting:
    """A work that has come to 3 of 10 positions, and waits there."""

    def __init__(self) -> None:
        self.go = Event()

    def __call__(self, progress: Progress) -> str:
        progress(3, 10)
        self.go.wait(60)
        return "rebuilt"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **ahead: float) -> None:
        self.now += timedelta(**ahead)


class Shop:
    """The store, its applications and keys, and the HTTP application with the portal mounted.

    Ali has a phone and a tablet; the counter's tablet went from Bea to Chen; Dana's phone has push
    off; one person and one device have a script in each text.
    """

    def __init__(self, *, secure: bool = False) -> None:
        self.store = MemoryStore(
            keys=MemoryKeyStore(), indexed_attributes=("attr.plan", "iattr.room")
        )
        self.clock = Clock(START)
        for code in ("shop", "bank"):
            self.store.applications.put(MobileApp(code=code))
        self.keys: dict[str, str] = {
            role: issue_key(self.store.applications, "shop", role) for role in ROLES
        }
        self.keys["backend"] = issue_key(self.store.applications, "shop", "backend")
        self.keys["bank"] = issue_key(self.store.applications, "bank", "admin")
        self.people = Personalization(self.store, clock=self.clock)
        self.persons: dict[str, str] = {}
        self._live()
        self.app = self.served(secure=secure)

    def served(self, *, secure: bool = False, works: Mapping[str, Work] | None = None) -> FastAPI:
        """Return the HTTP application."""
        app = create_app(self.store, self.store.applications, clock=self.clock)
        maintenance = Maintenance(works or {})
        mount_portal(app, PortalSettings(secure=secure, maintenance=maintenance))
        return app

    def pages(self) -> list[str]:
        """Return the path of every page that a GET shows."""
        ali = self.persons["ali"]
        return [
            "/",
            f"/person?id={ali}",
            f"/person?id={ali}&pushes=1",
            f"/person?id={ali}&at=2026-11-20T09:00:00",
            f"/person?id={self.persons['mallory']}",
            "/installation?id=counter",
            "/installation?id=evil-phone",
            "/installation?id=nothing",
            f"/person/merge?id={ali}",
            f"/person/merge?id={ali}&other={self.persons['mallory']}",
            f"/person/erase?id={ali}",
            "/audience?segment=regulars&installation=counter",
            "/pushes",
            "/operations",
            f"/push?id={self.dispatch}",
            f"/push?id={self.scheduled}",
            f"/push?id={self.running}",
        ]

    @staticmethod
    def identity(name: str) -> Identity:
        """Return the identity of a person with that external id."""
        return Identity(external_id=name)

    def _register(
        self, name: str, os: str = "Android", device: str | None = None, app: str = "shop"
    ) -> None:
        self.people.register(
            app,
            installation=name,
            push_token=f"token-of-{name}",
            os=os,
            os_version="16" if os == "Android" else "20.1",
            app_version="4.2.0",
            actor="device",
            device_name=device,
        )
        self.clock.move(minutes=7)

    def _sign_in(
        self,
        device: str,
        name: str,
        attributes: Mapping[str, str] | None = None,
        tags: Collection[str] | None = None,
    ) -> None:
        identity = Identity(external_id=name, emails=[f"{name}@example.com"])
        answer = self.people.personalize(device, identity, attributes, tags=tags, actor="device")
        self.persons[name] = answer.person
        self.clock.move(hours=3)

    def _live(self) -> None:
        people = self.people
        self._register("ali-phone")
        self._register("ali-tablet", "iOS")
        self._register("counter", device="Counter 2")
        self._register("dana-phone", "iOS", "Phone of Dana")
        self._sign_in("ali-phone", "ali", {"first_name": "Ali", "plan": "gold"}, {"vip", "news"})
        people.set_primary("ali-phone", actor="device")
        self._sign_in("ali-tablet", "ali")
        self._sign_in("counter", "bea")
        people.depersonalize("counter", actor="device")
        self.clock.move(hours=20)
        self._sign_in("counter", "chen", tags={"staff"})
        people.depersonalize("counter", actor="backend:night")
        self.clock.move(hours=9)
        self._sign_in("counter", "bea")
        self._sign_in("dana-phone", "dana", tags={"vip"})
        people.update_installation("dana-phone", push_enabled=False, actor="device")
        people.define_segment("shop", "regulars", "tag:vip or tag:news", actor="backend:crm")
        self._register("evil-phone", device=EVIL)
        self._sign_in("evil-phone", "mallory", {"first_name": EVIL}, {EVIL, "vip"})
        self._register("bank-phone", app="bank")
        self._sign_in("bank-phone", "zoe")
        push = RecordingPush()
        self.notifier = Notifier(
            self.store, {"fcm": push, "apns": push}, people=people, clock=self.clock
        )
        made = self.notifier.dispatch("shop", "tag:vip", Message("Winter sale", "20 % off today"))
        self.notifier.run(made.id)
        self.dispatch = made.id
        at = self.clock.now + timedelta(days=30)
        message = Message("Spring sale", "From Monday on")
        self.scheduled = self.notifier.dispatch("shop", "tag:vip", message, starts_at=at).id
        self.running = self.notifier.dispatch("shop", "tag:vip", Message("Today", "Now")).id
        self.clock.move(days=1)
