"""A shop whose operators sign in at an identity provider."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import pytest
from fastapi import FastAPI

from addressee.adapters.http import create_app
from addressee.adapters.portal import OidcSettings, PortalSettings, mount_portal
from addressee.adapters.tokens.documents import Documents
from addressee.adapters.tokens.issuer_keys import IssuerKeys
from tests.acceptance.portal.shop import Shop
from tests.acceptance.portal.visits import Operator
from tests.servers.chromium import served
from tests.servers.identity_provider import running
from tests.servers.sign_in_provider import CLIENT, SECRET, SignInProvider

START, COOKIE = "/sign-in/provider", "addressee-sign-in-"
ROLES = {
    "shop": {"support": {"desk"}, "marketing": {"crm"}, "admin": {"owners", "ops"}},
    "bank": {"read": {"owners"}},
}


class Timer:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class House(NamedTuple):
    """The shop, its provider, and the application that serves the portal."""

    shop: Shop
    provider: SignInProvider
    app: FastAPI
    url: str
    timer: Timer

    def settings(self, **other: object) -> OidcSettings:
        """Return the settings of the provider."""
        usual = {"issuer": self.provider.url, "client": CLIENT, "secret": SECRET, "roles": ROLES}
        return OidcSettings(**{**usual, "portal": f"{self.url}/portal", **other})  # type: ignore[arg-type] # it checks them

    def mount(self, path: str = "/portal", **other: object) -> None:
        """Serve the portal with these settings at a path."""
        settings = self.settings(portal=f"{self.url}{path}", **other)
        mount_portal(self.app, PortalSettings(secure=False, oidc=settings), path)


@pytest.fixture(scope="package")
def running_house() -> Generator[House]:
    shop, timer = Shop(), Timer()
    keys = IssuerKeys(Documents(verify=False, timeout=60), timer=timer)
    app = create_app(shop.store, shop.store.applications, clock=shop.clock, issuer_keys=keys)
    provider = SignInProvider(lambda: shop.clock().timestamp())
    with running(provider), served(app) as url:
        house = House(shop, provider, app, url, timer)
        house.mount()
        yield house


@pytest.fixture
def house(running_house: House) -> House:
    """The shop, and its provider as it is at first: mia of support signs in."""
    provider = running_house.provider
    provider.person = {"sub": "u-17", "preferred_username": "mia", "groups": ["desk", "all"]}
    provider.token_of = lambda claims: provider.token(**claims)
    provider.discovery, provider.statuses, provider.pace = {}, {}, 0.0
    provider.exchanges.clear()
    return running_house


@pytest.fixture
def visitor(house: House) -> Operator:
    return Operator(house.url)


def begun(visitor: Operator, following: str = "") -> str:
    """Begin a sign-in, and return the URL that the provider sends the browser back to."""
    visitor.http.follow_redirects = False
    at_provider = visitor.get(START, application="shop", next=following).headers["location"]
    back: str = visitor.http.get(at_provider).headers["location"]
    visitor.http.follow_redirects = True
    return back
