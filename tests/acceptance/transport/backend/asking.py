"""What the tests of this folder ask with."""

from __future__ import annotations

import httpx

from tests.acceptance.transport.conftest import World


def v1(
    world: World,
    path: str,
    body: object = None,
    key: tuple[str, str] = ("shop", "backend"),
    once: str = "",
) -> httpx.Response:
    headers = {"Authorization": f"App {world.keys[key]}"}
    headers |= {"Idempotency-Key": once} if once else {}
    method = "GET" if body is None else "POST"
    return world.http.request(method, f"/v1/{path}", json=body, headers=headers)


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["title"]
    assert told["detail"]
    code: str = told["code"]
    return answer.status_code, code
