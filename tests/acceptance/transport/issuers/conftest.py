"""A service that trusts an identity provider, with a timer that the tests move."""

from __future__ import annotations

from collections.abc import Generator
from threading import Thread
from typing import Self

import httpx
import pytest
from uvicorn import Config, Server

from addressee.adapters.http import Bounds, create_app
from addressee.adapters.memory import MemoryApplications, MemoryStore
from addressee.adapters.tokens.documents import Documents
from addressee.adapters.tokens.issuer_keys import IssuerKeys
from addressee.application import History, Targeting
from addressee.domain import MobileApp, TokenIssuer
from tests.acceptance.transport.conftest import HOME
from tests.patience import PATIENCE, wait_until
from tests.servers import client
from tests.servers.identity_provider import IdentityProvider, identity_provider

NAMED = "https://id.example"
"""The name of a provider that several applications trust."""
SECRET = bytes(range(32))


def applications(provider: IdentityProvider, other: IdentityProvider) -> list[MobileApp]:
    def app(code: str, issuer: TokenIssuer, **settings: object) -> MobileApp:
        return MobileApp.of(code, {"user_data": "jwt", "issuers": [issuer], **settings})

    def named(audience: str, **settings: object) -> TokenIssuer:
        return provider.trusted(audience, issuer=NAMED, **settings)

    return [
        app("shop", provider.trusted()),
        app("other", other.trusted()),
        app("bank", named("bank-app")),
        app("staff", named("staff-app", claim="https://x.com/employee")),
        app("twin", named("twin-app")),
        app("twin2", named("twin-app")),
        app("both", named("both-app"), jwt_keys={"main": SECRET.hex()}),
    ]


class IssuerWorld:
    """A running service on a store in memory, and two identity providers."""

    def __init__(self, provider: IdentityProvider, other: IdentityProvider) -> None:
        self.provider = provider
        self.other = other
        self.now = 1_000.0
        self.keys = IssuerKeys(Documents(verify=False, timeout=PATIENCE), timer=lambda: self.now)
        self.store = MemoryStore()
        self.applications = MemoryApplications(*applications(provider, other))
        app = create_app(
            self.store,
            self.applications,
            issuer_keys=self.keys,
            bounds=Bounds(patience=PATIENCE),
        )
        self.server = Server(Config(app, port=0, log_level="warning", access_log=False))
        self._thread = Thread(target=self.server.run)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self.server.started, "the service has started")
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.http = client(f"http://127.0.0.1:{port}")
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.server.should_exit = True
        self._thread.join()

    def register(self, code: str = "shop") -> str:
        made = self.http.post(HOME, json={"os": "a"}, headers={"Authorization": f"App {code}"})
        name: str = made.json()["pushRegId"]
        return name

    def sign_in(
        self, device: str, token: str, who: str = "ali", **identity: object
    ) -> httpx.Response:
        return self.http.post(
            f"{HOME}/{device}/personalize",
            json={"userIdentity": {"externalUserId": who, **identity}},
            headers={"Authorization": f"Bearer {token}"},
        )

    def found(self, audience: str, code: str = "shop") -> list[str]:
        return list(Targeting(self.store).targets(code, audience, include_disabled=True))

    def topics(self, device: str) -> list[str]:
        return [type(event).__name__ for _, event in History(self.store).installation(device)]


@pytest.fixture(scope="module")
def running() -> Generator[IssuerWorld]:
    with (
        identity_provider() as provider,
        identity_provider() as other,
        IssuerWorld(provider, other) as world,
    ):
        yield world


@pytest.fixture
def world(running: IssuerWorld) -> IssuerWorld:
    """Return the service, for which the keys of every provider are due again."""
    running.now += 10
    running.provider.asked.clear()
    return running
