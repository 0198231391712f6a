"""Who did what to an application, over `/v1` (R60)."""

from __future__ import annotations

from tests.acceptance.transport.backend.asking import problem, v1
from tests.acceptance.transport.conftest import World


def test_R60_pushes_of_backends_are_told_to_holders_of_an_admin_key(world: World) -> None:
    world.register()
    made = v1(world, "pushes", {"expression": "all", "body": "Sale"}, ("shop", "backend")).json()
    v1(world, f"pushes/{made['id']}/cancel", {}, ("shop", "backend"))
    done = v1(world, "actions?limit=2", None, ("shop", "admin")).json()
    assert [each["event"] for each in done] == ["PushChanged", "PushOrdered"]
    assert {each["data"]["dispatch"] for each in done} == {made["id"]}
    key = world.keys["shop", "backend"].partition(".")[0]
    assert {each["actor"] for each in done} == {f"backend:{key}"}
    earlier = f"actions?limit=1&before={done[0]['position']}"
    assert v1(world, earlier, None, ("shop", "admin")).json() == done[1:]
    assert problem(v1(world, "actions", None, ("shop", "backend"))) == (403, "FORBIDDEN")
