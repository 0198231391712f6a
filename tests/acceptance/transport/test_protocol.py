"""HTTP itself: methods, redirects, encodings, connections that end, request ids and logs."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
import socket
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from addressee.adapters.http import create_app
from addressee.adapters.memory import MemoryApplications, MemoryStore
from addressee.domain import MobileApp, StoreUnavailable
from tests.acceptance.transport.conftest import HOME, World, code_of
from tests.acceptance.transport.test_serving import Broken, asked
from tests.patience import wait_until
from tests.servers import Served

APP = {"Authorization": "App shop"}


@contextmanager
def connection(served: Served) -> Generator[socket.socket]:
    address = urlsplit(served.url)
    with socket.create_connection((str(address.hostname), address.port or 0), 60) as opened:
        yield opened


@pytest.mark.parametrize(
    "path",
    [f"{HOME}/", f"{HOME}/x/", f"{HOME}/x/user/", "/v1/health/", "/v1/audiences/count/",
     "/people/2/contactInformation/push/x/"],
)  # fmt: skip
def test_a_slash_at_the_end_is_no_redirect(world: World, path: str) -> None:
    for method in ("GET", "POST", "PATCH"):
        headers = {**APP, "Host": "evil.example", "X-Forwarded-Proto": "https"}
        answer = world.http.request(method, path, headers=headers)
        assert answer.status_code in {404, 405}, answer.text
        assert "location" not in answer.headers


def test_head_is_get_without_a_body(world: World) -> None:
    device = world.register()
    for path in ("/v1/health", "/v1/ready", f"{HOME}/{device}"):
        answer = world.http.head(path, headers=APP)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 0


def test_allow_names_every_method_of_the_path(world: World) -> None:
    device = world.register()
    for path, methods in (
        (f"{HOME}/{device}", {"GET", "HEAD", "PATCH", "DELETE"}),
        (HOME, {"POST"}),
        ("/v1/health", {"GET", "HEAD"}),
    ):
        answer = world.http.request("PUT", path, headers=APP)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == methods


def test_only_a_post_has_its_method_overridden(world: World) -> None:
    device = world.register()
    override = {**APP, "X-HTTP-Method-Override": "DELETE"}
    assert world.http.get(f"{HOME}/{device}", headers=override).status_code == 200
    assert world.http.get(f"{HOME}/{device}", headers=APP).status_code == 200
    assert world.http.post(f"{HOME}/{device}", headers=override).status_code == 200
    assert world.http.get(f"{HOME}/{device}", headers=APP).status_code == 400


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
def test_an_encoded_body_is_refused_by_name(world: World, encoding: str) -> None:
    body = gzip.compress(b'{"os": "a"}')
    headers = {**APP, "Content-Encoding": encoding}
    refused = world.http.post(HOME, content=body, headers=headers)
    # For REQUEST_FORMAT_INVALID an SDK would drop what it could not save.
    assert (refused.status_code, code_of(refused)) == (415, "ENCODING_UNSUPPORTED")
    assert encoding in refused.text
    plain = {**APP, "Content-Encoding": "identity"}
    assert world.http.post(HOME, content=b"", headers=plain).is_success


def test_a_body_needs_no_content_type(world: World) -> None:
    key = {"Authorization": f"App {world.keys['shop', 'backend']}"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    device = world.register()
    for path, body in (
        ("commands/touch", {"installation": device}),
        ("audiences/count", {"expression": "all"}),
        ("identifiers/history", {"kind": "email", "value": "a@x.com"}),
        ("persons/find", {"external_id": "nobody"}),
    ):
        for headers in (key, {**key, **form}):
            answer = world.http.post(f"/v1/{path}", content=json.dumps(body), headers=headers)
            assert answer.is_success, (path, answer.text)


def test_a_body_of_exactly_the_limit_is_taken(world: World) -> None:
    body = b'{"os": "a"}'.ljust(1 << 20)
    assert world.http.post(HOME, content=body, headers=APP).is_success
    refused = world.http.post(HOME, content=body + b" ", headers=APP)
    assert (refused.status_code, code_of(refused)) == (413, "REQUEST_TOO_LARGE")


def test_a_client_that_hangs_up_is_no_error(world: World) -> None:
    before = world.served.log.read_text()
    for _ in range(20):
        with connection(world.served) as opened:
            opened.sendall(
                f"POST {HOME} HTTP/1.1\r\nHost: x\r\nAuthorization: App shop\r\n"
                "Content-Length: 1000000\r\n\r\n{".encode()
            )
    wait_until(
        lambda: world.served.log.read_text().count(f"POST {HOME} 499") == 20, "20 lines of the log"
    )
    added = world.served.log.read_text()[len(before) :]
    assert "ERROR" not in added
    assert len(added) < 20 * 200


def test_R57_half_a_body_is_not_waited_for() -> None:
    app = create_app(MemoryStore(), MemoryApplications(MobileApp(code="shop")), body_seconds=0.1)

    async def half() -> AsyncGenerator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    refused = asked(app, "POST", HOME, content=half())
    assert (refused.status_code, code_of(refused)) == (408, "REQUEST_TIMEOUT")


def test_a_request_has_an_id_and_one_line_in_the_log(world: World) -> None:
    device = world.register()
    mine = world.http.get(f"{HOME}/{device}", headers={**APP, "X-Request-ID": "mine-1.a_b"})
    assert mine.headers["x-request-id"] == "mine-1.a_b"
    made = [
        world.http.get(f"{HOME}/{device}", headers={**APP, "X-Request-ID": given})
        for given in ("", "a b", "x" * 65, "a;b")
    ]
    assert all(re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"]) for answer in made)
    log = world.served.log.read_text()
    [line] = [line for line in log.splitlines() if line.endswith("mine-1.a_b")]
    assert re.fullmatch(
        r"\S+ \S+ INFO addressee.access: GET /mobile/1/appinstance/\{installation\} 200 "
        r"\d+\.\d ms mine-1\.a_b",
        line,
    )
    assert device not in log


def test_the_cause_of_a_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    error = StoreUnavailable("the server closed the connection unexpectedly")
    app = create_app(Broken(error), MemoryApplications(MobileApp(code="shop")))
    with caplog.at_level(logging.WARNING, "addressee"):
        answers = [asked(app, "GET", f"{HOME}/secret-{n}") for n in range(5)]
    assert {answer.status_code for answer in answers} == {503}
    [line] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.endswith("STORE_UNAVAILABLE: the server closed the connection unexpectedly")
    assert answers[0].headers["x-request-id"] in line
    assert "secret" not in caplog.text


def test_a_registration_that_is_superseded_at_once_is_answered(world: World) -> None:
    """#3: the answer is what the command recorded, though another one has its token by now."""

    def post(_: int) -> httpx.Response:
        return world.http.post(HOME, json={"pushServiceToken": "contended"}, headers=APP)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(120)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["pushRegId"] for answer in answers}) == 120
    assert {answer.json()["pushServiceToken"] for answer in answers} == {"contended"}
