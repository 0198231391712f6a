"""What a backend is refused, and how it is told."""

from __future__ import annotations

import pytest

from tests.acceptance.transport.backend.asking import problem, v1
from tests.acceptance.transport.conftest import HOME, World, code_of


def test_another_applications_key_sees_and_touches_nothing(world: World) -> None:
    device = world.register()
    person = (
        world.login(device, "v1-isolated").is_success
        and (v1(world, f"installations/{device}/who").json()["person"])
    )
    before = world.position()
    for scope in ("backend", "admin"):
        for path, body in (
            (f"installations/{device}/history", None),
            (f"installations/{device}/who", None),
            (f"persons/{person}/history", None),
            (f"persons/{person}/devices", None),
            ("commands/depersonalize", {"installation": device}),
            ("commands/depersonalize_all", {"person": person}),
            ("commands/tag", {"person": person, "add": ["x"]}),
            ("commands/tag_installation", {"installation": device, "add": ["x"]}),
            ("commands/expire", {"installation": device, "reason": "unregistered"}),
            ("commands/register", {"installation": device}),
            ("audiences/explain", {"expression": "all", "installation": device}),
        ):
            answer = v1(world, path, body, ("bank", scope))
            assert problem(answer)[0] == 404, path
            assert "v1-isolated" not in answer.text
        claims = {"kind": "external_id", "value": "v1-isolated"}
        assert v1(world, "identifiers/history", claims, ("bank", scope)).json() == []
        streamed = v1(world, "audiences/targets", {"expression": "all"}, ("bank", scope))
        assert device not in streamed.text
    assert problem(v1(world, "commands/register", {"application": "bank"})) == (403, "FORBIDDEN")
    segment = {"application": "bank", "name": "mine", "expression": "all"}
    assert problem(v1(world, "commands/define_segment", segment)) == (403, "FORBIDDEN")
    assert world.position() == before
    theirs = world.register("bank")
    world.login(theirs, "v1-isolated", app="bank")
    events = v1(world, f"persons/{person}/history", key=("bank", "backend")).text
    assert theirs in events
    assert device not in events
    devices = v1(world, f"persons/{person}/devices", key=("bank", "backend")).json()
    assert devices == {"installations": [theirs]}
    gone = v1(world, "commands/depersonalize_all", {"person": person}, ("bank", "backend")).json()
    assert gone["installations"] == [theirs]
    assert world.found("external_id:v1-isolated") == [device]


@pytest.mark.parametrize(
    "credential", ["", "App shop", "App", "Basic x", "Bearer a.b.c", "App x.y"]
)
def test_without_a_key_nothing_is_told_or_done(world: World, credential: str) -> None:
    device = world.register()
    before = world.position()
    headers = {"Authorization": credential} if credential else {}
    for method, path, body in (
        ("POST", "commands/depersonalize", {"installation": device}),
        ("POST", "audiences/count", {"expression": "all"}),
        ("POST", "audiences/targets", {"expression": "all"}),
        ("POST", "audiences/recipients", {"expression": "all"}),
        ("GET", f"installations/{device}/history", None),
        ("GET", "metrics", None),
    ):
        answer = world.http.request(method, f"/v1/{path}", json=body, headers=headers)
        assert problem(answer) == (401, "UNAUTHORIZED")
    assert world.position() == before


def test_a_key_of_another_scope_and_a_key_that_has_ended(world: World) -> None:
    assert problem(v1(world, "metrics")) == (403, "FORBIDDEN")
    figures = v1(world, "metrics", key=("shop", "admin"))
    assert "addressee_grouped_commands_total" in figures.text
    assert 'addressee_http_requests_total{method="POST",route="' in figures.text
    assert world.register() not in v1(world, "metrics", key=("shop", "admin")).text
    assert "addressee_sink_sent" in figures.text
    assert code_of(world.send("GET", f"{HOME}/x", app=world.keys["shop", "admin"])) == "1"


def test_health_and_readiness_need_no_key(world: World) -> None:
    assert world.http.get("/v1/health").json() == {"status": "ok"}
    assert world.http.get("/v1/ready").json() == {"status": "ready"}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("commands/tag", {}, "person"),
        ("commands/tag", {"person": "x", "colour": 1}, "colour"),
        ("commands/tag", {"person": "x", "actor": "policy"}, "actor"),
        ("commands/tag", {"person": "x", "within": "bank"}, "within"),
        ("commands/touch", {"installation": "a\0"}, "installation"),
        (
            "commands/personalize",
            {"installation": "a", "identity": {"phone": "1"}},
            "identity.phone",
        ),
        ("audiences/count", {}, "expression"),
        ("audiences/count", {"expression": "all", "x": 1}, "x"),
        ("audiences/preview", {"expression": "all", "n": -1}, "n"),
        ("identifiers/history", {"kind": "fax", "value": "1"}, "kind"),
    ],
)
def test_a_body_that_is_refused_names_the_field(
    world: World, path: str, body: object, field: str
) -> None:
    answer = v1(world, path, body)
    assert problem(answer)[0] == 400
    assert answer.json()["field"] == field


def test_large_and_broken_bodies_are_problems(world: World) -> None:
    headers = {"Authorization": f"App {world.keys['shop', 'backend']}"}
    for path in ("commands/tag", "audiences/count"):
        answer = world.http.post(f"/v1/{path}", content=b"x" * 2_000_000, headers=headers)
        assert problem(answer) == (413, "REQUEST_TOO_LARGE")
        for body in (
            b"{",
            b"[" * 100_000,
            b'{"a": ' + b"1" * 5_000 + b"}",
            b'{"expression": "\xff"}',
        ):
            assert problem(world.http.post(f"/v1/{path}", content=body, headers=headers))[0] == 400
    assert problem(world.http.get("/v1/nothing"))[0] == 404
    assert problem(world.http.delete("/v1/health"))[0] == 405
