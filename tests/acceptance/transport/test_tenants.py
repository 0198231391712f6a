"""What is another application's is answered like what does not exist: every route, every caller."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
import pytest

from addressee.application import Message, Notifier
from tests.acceptance.transport.conftest import HOME, Token, World

LOG = logging.getLogger(__name__)
Headers = Mapping[str, str]
ROUNDS, FEWER, FEW = 300, 30, 2
RATIO, COARSE_RATIO = 1.5, 3.0
"""Of the times: with --long within noise, and otherwise so much that no busy machine makes it."""
CONTACT = "/people/2/contactInformation/push"
EMPTY: Mapping[str, Any] = {}
WORDS = ("installation", "person", "external_id", "dispatch")


@dataclass(frozen=True, slots=True)
class Names:
    """What requests name: an installation, its person, the person's external id, a dispatch."""

    installation: str
    person: str
    external_id: str
    dispatch: str

    def within(self, text: str) -> str:
        for word in WORDS:
            text = text.replace(f"<{word}>", getattr(self, word))
        return text

    def without(self, text: str) -> str:
        for word in WORDS:
            text = text.replace(getattr(self, word), f"<{word}>")
        return re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "<time>", text)


def command(name: str, **arguments: Any) -> tuple[str, str, Any]:  # noqa: ANN401 # JSON
    return "POST", f"/v1/commands/{name}", arguments


def query(name: str, **arguments: Any) -> tuple[str, str, Any]:  # noqa: ANN401 # JSON
    return "POST", f"/v1/audiences/{name}", {"expression": "all", **arguments}


ON = {"installation": "<installation>"}
WHO = {"userIdentity": {"externalUserId": "<external_id>"}}
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("GET", f"{HOME}/<installation>", None),
    ("PATCH", f"{HOME}/<installation>", {"os": "x"}),
    ("POST", f"{HOME}/<installation>/personalize", WHO),
    ("POST", f"{HOME}/<installation>/repersonalize", WHO),
    ("GET", f"{HOME}/<installation>/user", None),
    ("PATCH", f"{HOME}/<installation>/user", {"firstName": "x"}),
    ("POST", f"{HOME}/<installation>/user/events/session", EMPTY),
    ("POST", f"{HOME}/<installation>/user/events/custom", EMPTY),
    ("POST", f"{HOME}/<installation>/depersonalize", None),
    ("DELETE", f"{HOME}/<installation>", None),
    ("GET", f"{CONTACT}/<installation>", None),
    ("PATCH", f"{CONTACT}/<installation>", {"isPrimary": True}),
    (
        "POST",
        f"{CONTACT}/<installation>/personalize",
        {"identity": {"externalId": "<external_id>"}},
    ),
    ("POST", f"{CONTACT}/<installation>/depersonalize", None),
    command("update_installation", **ON, os="y"),
    command("tag_installation", **ON, add=["x"]),
    command("personalize", **ON, identity={"external_id": "<external_id>"}),
    command("update_person", **ON, attributes={"a": 1}),
    command("tag", person="<person>", add=["x"]),
    command("set_primary", **ON),
    command("touch", **ON),
    command("depersonalize", **ON),
    command("depersonalize_all", person="<person>"),
    command("expire", **ON, reason="unregistered"),
    query("explain", **ON),
    query("targets", after="<installation>"),
    query("recipients", after="<installation>"),
    query("count", expression='installation:"<installation>" or external_id:"<external_id>"'),
    query("preview", expression='installation:"<installation>" or external_id:"<external_id>"'),
    ("GET", "/v1/installations/<installation>", None),
    ("GET", "/v1/installations/<installation>/history", None),
    ("GET", "/v1/installations/<installation>/who", None),
    ("GET", "/v1/installations/<installation>/holder", None),
    ("GET", "/v1/persons/<person>", None),
    ("GET", "/v1/persons/<person>/history", None),
    ("GET", "/v1/persons/<person>/devices", None),
    ("POST", "/v1/persons/<person>/export", {"addresses": True}),
    ("POST", "/v1/persons/find", {"external_id": "<external_id>"}),
    ("POST", "/v1/identifiers/history", {"kind": "external_id", "value": "<external_id>"}),
    (
        "POST",
        "/v1/pushes",
        {"expression": "external_id:<external_id>", "title": "x", "dry_run": True},
    ),
    ("GET", "/v1/pushes/<dispatch>", None),
    ("POST", "/v1/pushes/<dispatch>/pause", None),
    ("POST", "/v1/pushes/<dispatch>/resume", None),
    ("POST", "/v1/pushes/<dispatch>/cancel", None),
)
NAMES_NOTHING = {
    ("POST", HOME),
    ("POST", "/v1/commands/register"),  # ids that backends choose are one namespace (docs/http.md)
    ("POST", "/v1/commands/define_segment"),
    ("POST", "/v1/commands/remove_segment"),
    ("GET", "/v1/applications"),
    ("GET", "/v1/actions"),  # of the caller's application, which no request names
    ("GET", "/v1/pushes"),
    ("POST", "/push/3/messages"),  # test_push_messages: rejected alike
    ("POST", "/v1/merges/preview"),  # test_merges: answered alike, as the three below
    ("POST", "/v1/merges/preview-unmerge"),
    ("POST", "/v1/commands/merge"),
    ("POST", "/v1/commands/unmerge"),
    ("POST", "/v1/persons/{person}/erase"),  # test_erasure: on a sealed store, answered alike
    ("POST", "/v1/installations/{installation}/erase"),  # likewise
    ("GET", "/v1/health"),
    ("GET", "/v1/ready"),
    ("GET", "/v1/metrics"),
}


def shown(method: str, path: str) -> tuple[str, str]:
    """Return a request as OpenAPI names it."""
    home = path.startswith(CONTACT)
    named = path.replace("<installation>", "{registration}" if home else "{installation}")
    return method, named.replace("<person>", "{person}").replace("<dispatch>", "{dispatch}")


def test_the_matrix_has_every_route(world: World) -> None:
    paths = world.http.get("/openapi.json").json()["paths"]
    every = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert {shown(method, path) for method, path, _ in REQUESTS} == every - NAMES_NOTHING


def person_on(world: World, app: str, sign: Callable[[str], str] | None = None) -> Names:
    """Return what a signed-in device of an application is named by; with a token if need be."""
    device = world.register(app)
    name = f"tenant-{uuid4().hex}"
    credential = {"Authorization": f"Bearer {sign(name)}"} if sign else {}
    assert world.login(device, name, app=app, **credential).is_success
    person = world.history.who(device)
    assert person is not None
    made = Notifier(world.store, {}).dispatch(app, f"external_id:{name}", Message(title="x"))
    return Names(device, person, name, made.id)


def absent() -> Names:
    return Names(str(uuid4()), uuid4().hex, f"tenant-{uuid4().hex}", uuid4().hex)


CALLERS = ("nobody", "device", "token", "backend", "admin")


def caller_of(world: World, caller: str, sign: Callable[[str], str]) -> tuple[Names, Headers]:
    """Return what a new device of a caller's application is named by, and the caller's headers."""
    if caller == "token":
        own = person_on(world, "vault", sign)
        return own, {"Authorization": f"Bearer {sign(own.external_id)}"}
    headers: dict[str, Headers] = {
        "nobody": {},
        "device": {"Authorization": "App bank"},
        **{
            scope: {"Authorization": f"App {world.keys['bank', scope]}", "AppCode": "bank"}
            for scope in ("backend", "admin")
        },
    }
    return person_on(world, "bank"), headers[caller]


def send(
    world: World, request: tuple[str, str, Any], names: Names, headers: Mapping[str, str]
) -> httpx.Response:
    method, path, body = request
    content = None if body is None else names.within(json.dumps(body).replace('\\"', '\\"'))
    return world.http.request(method, names.within(path), content=content, headers=dict(headers))


def answer_of(response: httpx.Response, names: Names) -> tuple[int, str, str]:
    kind = response.headers.get("content-type", "")
    return response.status_code, kind, names.without(response.text)


@pytest.mark.parametrize("caller", CALLERS)
def test_foreign_and_absent_get_the_same_answer(world: World, caller: str, token: Token) -> None:
    succeeded, foreign = 0, person_on(world, "shop")
    before = world.topics(foreign.installation)
    for request in REQUESTS:
        own, headers = caller_of(world, caller, token)
        nothing = absent()
        told = answer_of(send(world, request, foreign, headers), foreign)
        assert told == answer_of(send(world, request, nothing, headers), nothing), request
        assert told[0] < 500
        assert world.topics(foreign.installation) == before, request
        succeeded += send(world, request, own, headers).is_success
    routes = sum(path.startswith("/mobile") for _, path, _ in REQUESTS)
    expected = {"nobody": 0, "device": routes, "token": routes}
    assert succeeded == expected.get(caller, len(REQUESTS) - routes)


def test_an_installation_that_acts_for_another_is_looked_up_in_its_application(
    world: World,
) -> None:
    own, foreign, nothing = person_on(world, "bank"), person_on(world, "shop"), absent()
    answers = [
        answer_of(
            world.send("POST", f"{HOME}/{own.installation}/depersonalize", app="bank",
                       pushregistrationid=each.installation), each)
        for each in (foreign, nothing)
    ]  # fmt: skip
    assert answers[0] == answers[1]
    assert answers[0][0] >= 400


def test_foreign_and_absent_take_the_same_time(world: World, token: Token, *, long: bool) -> None:
    foreign = person_on(world, "shop")
    for n in range(100 if long else 20):
        world.send("PATCH", f"{HOME}/{foreign.installation}", {"customAttributes": {"n": n}})
        world.send("PATCH", f"{HOME}/{foreign.installation}/user", {"firstName": f"n{n}"})
    different: dict[str, float] = {}
    most = RATIO if long else COARSE_RATIO
    for caller in ("device", "token", "backend"):
        _, headers = caller_of(world, caller, token)
        for request in REQUESTS:
            if request[1].startswith("/mobile") == (caller == "backend"):
                continue
            ratios, name = list[float](), " ".join((caller, *request[:2]))
            # Few pairs are no proof of a difference on a busy machine.
            for pairs in (ROUNDS, ROUNDS) if long else (FEW, FEWER, ROUNDS):
                ratios.append(ratio_of(world, request, foreign, headers, pairs))
                if 1 / most <= ratios[-1] <= most:
                    break
            else:
                different[name] = ratios[-1]
            LOG.info("%s: %s", name, ratios)
    assert different == {}


def ratio_of(
    world: World, request: tuple[str, str, Any], foreign: Names, headers: Headers, pairs: int
) -> float:
    """Return the median time of requests for what is foreign, by that for what is absent."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs):
        for each, names in zip(times, (foreign, absent()), strict=True):
            started = time.perf_counter()
            send(world, request, names, headers)
            each.append(time.perf_counter() - started)
    return median(times[0]) / median(times[1])
