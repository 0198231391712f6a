"""The app where it is mounted, served by several processes, or let down by its store."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import QueuePool, create_engine

from addressee.adapters.http import create_app
from addressee.adapters.memory import MemoryApplications, MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Message, Notifier, Personalization, Targeting, issue_key
from addressee.application.default_clock_and_ids import random_id
from addressee.domain import MobileApp, StoreUnavailable
from tests.acceptance.transport.conftest import HOME, code_of
from tests.acceptance.transport.test_tenants import REQUESTS, Names
from tests.command_line import run
from tests.forked import PIPE, forked
from tests.patience import PATIENCE
from tests.servers import Postgres, client, http_server

SHOP = MobileApp(code="shop", session_idle=60)
APP = {"Authorization": "App shop"}


# On servers, gunicorn's workers have tests of their own (tests/acceptance/deployment).
@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.every_case)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/served.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


def test_R19_across_worker_processes(url: str, *, long: bool) -> None:
    with SqlStore(url) as store:
        store.applications.put(SHOP)
        # A connection of its own for each request, so that any process may answer.
        own = {**APP, "Connection": "close"}
        with http_server(url, "--workers", "2") as served, client(served.url, **own) as http:
            for turn in range(30 if long else 8):
                made = http.post(HOME, json={"os": "a"})
                path = f"{HOME}/{made.json()['pushRegId']}"
                body = {"userIdentity": {"externalUserId": f"p{turn}"}}
                assert http.post(f"{path}/personalize", json=body).is_success
                told = http.get(f"{path}/user").json()
                assert told["externalUserId"] == f"p{turn}"
                assert http.post(f"{path}/depersonalize").is_success
                assert Targeting(store).count("shop", f"external_id:p{turn}") == 0
                assert "externalUserId" not in http.get(f"{path}/user").json()


def asked(app: FastAPI, method: str, path: str, **options: object) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        given: dict[str, Any] = {"headers": APP, **options}
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as http:
            return await http.request(method, path, **given)

    return asyncio.run(ask())


def test_mounted_in_a_hosts_app(tmp_path: Path) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/mounted.db") as store:
        store.applications.put(SHOP)
        host = FastAPI()
        host.mount("/push", create_app(store, store.applications))
        made = asked(host, "POST", f"/push{HOME}", json={"os": "a"}).json()
        path = f"/push{HOME}/{made['pushRegId']}"
        body = {"userIdentity": {"externalUserId": "ali"}}
        assert asked(host, "POST", f"{path}/personalize", json=body).is_success
        assert asked(host, "GET", f"{path}/user").json()["externalUserId"] == "ali"
        refused = asked(host, "POST", "/push/v1/audiences/count", json={"expression": "all"})
        assert refused.headers["content-type"] == "application/problem+json"
        assert code_of(asked(host, "GET", f"/push{HOME}/x")) == "NO_REGISTRATION"
        assert asked(host, "GET", "/elsewhere").json() == {"detail": "Not Found"}


def test_every_route_works_with_a_pool_of_one_connection(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/pool.db"
    with SqlStore(url) as store:
        store.applications.put(SHOP)
        key = issue_key(store.applications, "shop", "admin")
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=1,
        connect_args={"check_same_thread": False},
    )  # fmt: skip
    with SqlStore(engine) as store:
        app, people = create_app(store, store.applications), Personalization(store)
        for method, path, body in REQUESTS:
            device = people.register("shop", push_token=random_id()).installation
            name = random_id()
            person = people.personalize(device, Identity(external_id=name)).person
            made = Notifier(store, {}).dispatch("shop", "all", Message(title="x"))
            names = Names(device, person, name, made.id)
            mobile = path.startswith("/mobile")
            headers = {**APP, "AppCode": "shop"}
            if not mobile:
                headers["Authorization"] = f"App {key}"
            content = None if body is None else names.within(json.dumps(body))
            answer = asked(app, method, names.within(path), content=content, headers=headers)
            assert answer.is_success, (method, path, answer.text)
    engine.dispose()


class Broken(MemoryStore):
    """A store that fails as it is told."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def reading(self) -> NoReturn:
        raise self.error

    ping = reading

    def writing(self, first: object = None) -> NoReturn:  # noqa: ARG002 # of every store
        raise self.error


def test_a_store_that_does_not_answer_makes_sdks_try_again() -> None:
    error = StoreUnavailable("the server at db.internal is down")
    app = create_app(Broken(error), MemoryApplications(SHOP))
    for method, path in (("POST", HOME), ("GET", f"{HOME}/x"), ("GET", f"{HOME}/x/user")):
        answer = asked(app, method, path)
        assert (answer.status_code, answer.content) == (503, b"{}")
        assert answer.headers["content-length"] == "2"
        assert answer.headers["retry-after"]
    ready = asked(app, "GET", "/v1/ready")
    assert (ready.status_code, ready.json()["code"]) == (503, "STORE_UNAVAILABLE")
    assert "db.internal" not in ready.text
    assert asked(app, "GET", "/v1/health").status_code == 200


def test_a_failure_of_ours_tells_nothing_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Broken(RuntimeError("ali@x.com")), MemoryApplications(SHOP))
    with caplog.at_level(logging.ERROR, "addressee"):
        answer = asked(app, "GET", f"{HOME}/x")
    assert (answer.status_code, code_of(answer)) == (500, "GENERAL_ERROR")
    assert "RuntimeError" in caplog.text
    assert "ali@x.com" not in caplog.text + answer.text


def test_r26_the_server_ends_expired_sessions() -> None:
    now = [datetime(2026, 11, 23, 8, tzinfo=UTC)]
    store = MemoryStore()
    people = Personalization(store, clock=lambda: now[0])
    people.register("shop", installation="a")
    people.personalize("a", Identity(external_id="ali"))
    app = create_app(store, MemoryApplications(SHOP), clock=lambda: now[0], session_seconds=0.01)

    async def serve() -> None:
        async with app.router.lifespan_context(app):
            await asyncio.sleep(0.1)
            assert Targeting(store).count("shop", "external_id:ali") == 1
            now[0] += timedelta(seconds=61)
            end = time.monotonic() + PATIENCE
            while Targeting(store).count("shop", "external_id:ali"):
                assert time.monotonic() < end
                await asyncio.sleep(0.01)

    asyncio.run(serve())


def test_serve_says_what_it_lacks(tmp_path: Path) -> None:
    done = run("serve", "--store", "nonsense", folder=tmp_path)
    assert done.returncode == 2
    assert "REQUEST_FORMAT_INVALID: store" in done.stderr
    words = ("serve", "--store", f"sqlite:///{tmp_path}/new.db", "--port", "0")
    with forked(*words, stderr=PIPE) as process:
        assert process.stderr is not None
        assert "no application may speak yet" in process.stderr.readline()
        assert "http://127.0.0.1:" in process.stderr.readline()
        process.terminate()


HELP_THEN_SERVE = """
from contextlib import suppress
from addressee.adapters.cli import main
sys.argv[1:] = ["--help"]
with suppress(SystemExit):
    main()
sys.argv[1:] = ["serve"]
main()
"""


def test_without_its_extra_serve_says_how_to_get_it_and_the_rest_works() -> None:
    absent = "import sys; sys.modules.update(dict.fromkeys(('fastapi', 'uvicorn', 'jwt', 'httpx')))"
    code = f"{absent}\n{HELP_THEN_SERVE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'addressee[http]'" in done.stderr
    assert "Usage: " in done.stdout
