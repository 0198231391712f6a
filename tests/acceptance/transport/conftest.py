"""A server that real sockets reach, on a store that the tests may look into."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import History, KeyStore, Targeting, issue_key
from addressee.domain import MobileApp
from tests.servers import Postgres, Served, client, http_server

HOME = "/mobile/1/appinstance"
SECRET = bytes(range(64))
FAR = 4_000_000_000
"""A second that is far ahead, as tokens count them."""
APPLICATIONS = (
    MobileApp(code="shop"),
    MobileApp(code="bank"),
    MobileApp(code="vault", user_data="jwt", jwt_keys={"main": SECRET.hex()}),
    MobileApp(code="closed", user_data="restricted"),
    MobileApp(code="quiet", server_side_only=True),
    MobileApp(code="slow", rate_limit=2),
    MobileApp(code="pair", device_cap=2),
)


class World:
    """The server, its store seen from beside, and keys for it."""

    def __init__(self, store: SqlStore, served: Served) -> None:
        self.store = store
        self.served = served
        self.http = client(served.url)
        self.history = History(store)
        self.keys = {
            (app, scope): issue_key(store.applications, app, scope)
            for app in ("shop", "bank")
            for scope in ("backend", "admin")
        }

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        app: str = "shop",
        **headers: str,
    ) -> httpx.Response:
        given = {"Authorization": f"App {app}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, path, json=body, headers=given)

    def register(self, app: str = "shop", **facts: object) -> str:
        made = self.send("POST", HOME, {"os": "Android", **facts}, app)
        assert made.status_code == 200, made.text
        name: str = made.json()["pushRegId"]
        return name

    def login(self, device: str, who: str, query: str = "", **options: Any) -> httpx.Response:  # noqa: ANN401 # what send takes
        body = {"userIdentity": {"externalUserId": who}}
        return self.send("POST", f"{HOME}/{device}/personalize{query}", body, **options)

    def found(self, audience: str, app: str = "shop") -> list[str]:
        return list(Targeting(self.store).targets(app, audience, include_disabled=True))

    def topics(self, device: str) -> list[str]:
        return [type(event).__name__ for _, event in self.history.installation(device)]

    def last_seen(self, device: str) -> datetime:
        with self.store.reading() as reader:
            seen = reader.last_seen(device)
        assert seen is not None
        return seen

    def position(self) -> int:
        with self.store.reading() as reader:
            last = 0
            while events := reader.events(last, 10_000):
                last = events[-1].position
            return last


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    folder: Path = tmp_path_factory.mktemp("http")
    with served_world(f"sqlite:///{folder}/served.db") as made:
        yield made


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def each_world(request: pytest.FixtureRequest) -> Generator[World]:
    """Yield a server on each database, for what strangers try."""
    if request.param == "sqlite":
        yield request.getfixturevalue("world")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with served_world(server.new_database()) as made:
            yield made


@contextmanager
def served_world(
    url: str, keys: KeyStore | None = None, environment: Mapping[str, str] | None = None
) -> Generator[World]:
    """Serve a store until the block ends; a sealed one with its keys, which are named so."""
    with SqlStore(url, keys=keys) as store:
        for application in APPLICATIONS:
            store.applications.put(application)
        with http_server(url, environment=environment) as served:
            world = World(store, served)
            yield world
            world.http.close()


Token = Callable[..., str]


@pytest.fixture
def token() -> Token:
    def make(sub: str = "ali", kid: str = "main", key: bytes = SECRET, **claims: object) -> str:
        usual = {"typ": "Bearer", "sub": sub, "infobip-api-key": "vault", "exp": FAR}
        given = {k: v for k, v in {**usual, **claims}.items() if v is not None}
        return jwt.encode(given, key, "HS256", headers={"kid": kid})

    return make


def code_of(response: httpx.Response) -> str:
    """Return the error code of the vendor's shape, which must come with its length."""
    assert int(response.headers["content-length"]) == len(response.content) > 0
    code: str = response.json()["requestError"]["serviceException"]["messageId"]
    return code
