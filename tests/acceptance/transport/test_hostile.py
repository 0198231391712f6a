"""Requests of any shape: a documented refusal, nothing recorded, and never a failure."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from addressee.adapters.mobile_sdk.request_fields import (
    IDENTIFIER_FIELDS,
    INSTALLATION_FIELDS,
    PERSON_FIELDS,
)
from tests.acceptance.transport.conftest import HOME, World, code_of
from tests.patience import PATIENCE

WORDS = (*INSTALLATION_FIELDS, *PERSON_FIELDS, *IDENTIFIER_FIELDS, "tags", "isPrimary")
ODD: tuple[Any, ...] = (
    "🦊\u0000", "\u0000", "\ud800", "🦊" * 5_000, 10**30, float("nan"), [None], {"": [1]}, True, -1,
)  # fmt: skip
NUL: dict[str, object] = {"tags": ["\0"], "customAttributes": {"a": "\0"}}


def raw(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def send(world: World, method: str, path: str, body: object) -> int:
    headers = {"Authorization": "App shop", "Content-Type": "application/json"}
    answer = world.http.request(method, path, content=raw(body), headers=headers)
    assert answer.status_code in {200, 400}, answer.text
    if answer.status_code == 400:
        assert code_of(answer)
    return answer.status_code


def test_emoji_are_kept_and_nul_is_refused_in_every_field(world: World, *, long: bool) -> None:
    device = world.register()
    path = f"{HOME}/{device}"
    for place, word in enumerate(WORDS):
        for odd in ODD if long else (ODD * 2)[place % len(ODD) :][:3]:  # each word meets others
            body = {word: odd}
            send(world, "PATCH", path, body)
            send(world, "PATCH", f"{path}/user", body)
            send(world, "POST", f"{path}/personalize", {"userIdentity": body})
            send(world, "POST", f"{path}/personalize", {"userAttributes": body})
    before = world.position()
    for word in ("language", "customAttributes"):
        assert send(world, "PATCH", path, {word: NUL.get(word, "\0")}) == 400
    for word in (*PERSON_FIELDS, "tags", "externalUserId", "customAttributes"):
        assert send(world, "PATCH", f"{path}/user", {word: NUL.get(word, "\0")}) == 400
    assert world.position() == before
    fox = {"firstName": "🦊", "tags": ["🦊"], "customAttributes": {"🦊": "🦊"}}
    assert send(world, "PATCH", f"{path}/user", fox) == 200
    told = world.send("GET", f"{path}/user").json()
    assert {word: told[word] for word in fox} == fox


def test_r4_a_tag_of_257_characters(world: World) -> None:
    device = world.register()
    body = {
        "userIdentity": {"externalUserId": "tagged"},
        "userAttributes": {"tags": ["x" * 257]},
    }
    refused = world.send("POST", f"{HOME}/{device}/personalize", body)
    assert code_of(refused) == "REQUEST_FORMAT_INVALID"
    assert "at most 256" in refused.text or "1 to 256" in refused.text
    assert world.topics(device) == ["InstallationRegistered"]
    body["userAttributes"] = {"tags": ["x" * 256]}
    assert world.send("POST", f"{HOME}/{device}/personalize", body).is_success


def test_a_body_of_ten_megabytes_is_refused_whole(world: World) -> None:
    device = world.register()
    body = b'{"language": "' + b"x" * 10_000_000 + b'"}'
    headers = {"Authorization": "App shop"}
    path = f"{HOME}/{device}"
    refused = world.http.patch(path, content=body, headers=headers)
    assert (refused.status_code, code_of(refused)) == (413, "REQUEST_TOO_LARGE")
    pieces = (body[n : n + 100_000] for n in range(0, len(body), 100_000))
    refused = world.http.patch(path, content=pieces, headers=headers)
    assert (refused.status_code, code_of(refused)) == (413, "REQUEST_TOO_LARGE")
    assert world.topics(device) == ["InstallationRegistered"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 100_000, b'{"a": ' + b"1" * 5_000 + b"}", b"\0"],
)
def test_a_body_that_is_no_object(world: World, body: bytes) -> None:
    device = world.register()
    for method, path in (("PATCH", ""), ("PATCH", "/user"), ("POST", "/personalize")):
        assert send(world, method, f"{HOME}/{device}{path}", body) == 400
    assert world.topics(device) == ["InstallationRegistered"]


@pytest.mark.parametrize(
    "path",
    ["/", "/mobile", f"{HOME}/a/b/c", f"{HOME}/%00", f"{HOME}/%F0%9F%A6%8A", f"{HOME}/{'x' * 9000}",
     "/mobile/3/version", "/people/2/persons"],
)  # fmt: skip
def test_a_path_that_leads_nowhere(world: World, path: str) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "TRACE"):
        answer = world.send(method, path)
        assert answer.status_code in {400, 404, 405}, (method, answer.text)
        if method != "HEAD":
            assert code_of(answer)


@pytest.mark.parametrize(
    "text",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"GET /mobile/1/appinstance/a HTTP/1.1\r\nHost: x\r\nAuthorization: App \xff\xfe\r\n\r\n",
        b"GET /mobile/1/appinstance/a HTTP/1.1\r\nHost: x\r\nAuthorization: App\r\n\r\n",
        b"POST /mobile/1/appinstance/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_what_is_hardly_http(world: World, text: bytes) -> None:
    address = urlsplit(world.served.url)
    with socket.create_connection(
        (str(address.hostname), address.port or 0), PATIENCE
    ) as connection:
        connection.sendall(text)
        status = connection.recv(4096).split(b"\r\n")[0]
    assert status.split(b" ")[1] in {b"400", b"401", b"404"}
