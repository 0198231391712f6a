"""Browsers of configured origins use the mobile API, and nothing else of the service."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from addressee.adapters.http import create_app
from addressee.adapters.memory import MemoryApplications, MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.domain import InvalidValue, MobileApp
from tests.acceptance.transport.conftest import HOME
from tests.acceptance.transport.test_serving import asked
from tests.command_line import run
from tests.servers import client, http_server

SHOP, BANK = "https://shop.example", "http://localhost:5173"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Generator[httpx.Client]:
    url = f"sqlite:///{tmp_path_factory.mktemp('cors')}/store.db"
    with SqlStore(url) as store:
        store.applications.put(MobileApp(code="shop"))
    options = ("--cors-origin", SHOP, "--cors-origin", BANK)
    with http_server(url, *options) as served, client(served.url) as http:
        yield http


def preflight(
    http: httpx.Client, path: str, origin: str = SHOP, method: str = "PATCH", headers: str = ""
) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    return http.options(path, headers=asked)


def allowed(answer: httpx.Response) -> str | None:
    """Return the origin that may read an answer; nobody sends cookies to any."""
    assert "access-control-allow-credentials" not in answer.headers
    origin: str | None = answer.headers.get("access-control-allow-origin")
    return origin


def test_a_page_of_a_configured_origin_uses_the_mobile_api(browser: httpx.Client) -> None:
    sent = "authorization,content-type,pushregistrationid,installationid,sessionid,foreground"
    for origin in (SHOP, BANK):
        for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
            answer = preflight(browser, f"{HOME}/x", origin, method, sent)
            assert (answer.status_code, allowed(answer)) == (200, origin)
            assert "Origin" in answer.headers["vary"]
        headers = {"Origin": origin, "Authorization": "App shop"}
        made = browser.post(HOME, json={"os": "Web"}, headers=headers)
        assert (made.status_code, allowed(made)) == (200, origin)
        assert "X-Request-ID" in made.headers["access-control-expose-headers"]
        # A page may read errors too, those of the outermost layer among them.
        for method, path, more, status in (
            ("GET", f"{HOME}/none", {}, 400),
            ("GET", f"{HOME}/none", {"Authorization": "App none"}, 401),
            ("GET", "/mobile/none", {}, 404),
            ("POST", HOME, {"Content-Encoding": "br"}, 415),
        ):
            refused = browser.request(method, path, headers={**headers, **more})
            assert (refused.status_code, allowed(refused)) == (status, origin)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://SHOP.example",
        "null",
        "*",
    ],
)
def test_a_page_of_another_origin_does_not(browser: httpx.Client, origin: str) -> None:
    answer = preflight(browser, HOME, origin, "POST")
    assert (answer.status_code, allowed(answer)) == (400, None)
    headers = {"Origin": origin, "Authorization": "App shop"}
    assert allowed(browser.get(f"{HOME}/x", headers=headers)) is None


def test_no_page_uses_what_is_for_backends_and_operators(browser: httpx.Client) -> None:
    for path in (
        "/v1/audiences/count",
        "/v1/health",
        "/people/2/contactInformation/push/x",
        "/push/3/messages",
        "/portal",
        "/openapi.json",
        "/mobile",
    ):
        answer = preflight(browser, path, method="POST")
        assert (answer.is_success, allowed(answer)) == (False, None), path
        assert allowed(browser.get(path, headers={"Origin": SHOP})) is None, path
    # Nor a header or a method that no SDK sends.
    assert preflight(browser, HOME, method="TRACE").status_code == 400
    assert preflight(browser, HOME, headers="cookie").status_code == 400


def test_it_is_off_by_default_and_a_star_stands_alone(tmp_path: Path) -> None:
    applications = MemoryApplications(MobileApp(code="shop"))
    asks = {"Origin": SHOP, "Access-Control-Request-Method": "POST", "Authorization": "App shop"}
    off = create_app(MemoryStore(), applications)
    assert asked(off, "OPTIONS", HOME, headers=asks).status_code == 405
    assert allowed(asked(off, "GET", f"{HOME}/x", headers=asks)) is None
    every = create_app(MemoryStore(), applications, cors_origins=["*"])
    assert allowed(asked(every, "OPTIONS", HOME, headers=asks)) == "*"
    assert allowed(asked(every, "GET", f"{HOME}/x", headers=asks)) == "*"
    for wrong in (
        ["*", SHOP],
        ["shop.example"],
        [f"{SHOP}/"],
        [f"{SHOP}:443"],
        ["https://Shop.example"],
        ["https://šop.example"],
        ["https://a@shop.example"],
        ["https://shop.example:"],
        ["https://*.shop.example"],
        ["null"],
        ["file://"],
        [""],
        [SHOP] * 101,
    ):
        with pytest.raises(InvalidValue, match="cors_origins"):
            create_app(MemoryStore(), applications, cors_origins=wrong)
    done = run("serve", "--cors-origin", "shop.example", folder=tmp_path)
    assert done.returncode == 2
    assert "cors_origins[0] should be an origin" in done.stderr


def test_a_mounted_service_answers_browsers_too() -> None:
    applications = MemoryApplications(MobileApp(code="shop"))
    app = create_app(MemoryStore(), applications, cors_origins=[SHOP])
    host = FastAPI()
    host.mount("/push", app)
    asks = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    assert allowed(asked(host, "OPTIONS", f"/push{HOME}", headers=asks)) == SHOP
    assert allowed(asked(host, "OPTIONS", "/push/v1/health", headers=asks)) is None
