"""Recorded traffic, and lines of any shape: read as meant, or refused by a typed error."""

from __future__ import annotations

import inspect
import json
from itertools import count
from typing import Any

import pytest

from addressee.adapters.cli.commands.apply import apply_lines
from addressee.adapters.imports import Line, Requests
from addressee.adapters.memory import MemoryStore
from addressee.adapters.mobile_sdk.request_fields import (
    IDENTIFIER_FIELDS,
    INSTALLATION_FIELDS,
    PERSON_FIELDS,
)
from addressee.adapters.serialization.json_commands import NAMES
from addressee.application import Context, History, Personalization, Targeting
from addressee.application.commands import Reported
from addressee.domain import AddresseeError

HOME = "/mobile/1/appinstance"
AUTHORIZED = {"Authorization": "App shop"}


class Replay:
    """Applies requests to a store of its own; ids are n1, n2, … in the order of registration."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.people = Personalization(self.store)
        numbers = count(1)
        self.requests = Requests(lambda: f"n{next(numbers)}")

    def send(self, method: object, path: object, body: object = None, **headers: object) -> Any:  # noqa: ANN401 # an outcome of any kind
        text = "" if body is None else json.dumps(body)
        given = {**AUTHORIZED, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.apply({"method": method, "path": path, "headers": given, "body": text})

    def apply(self, content: dict[str, Any]) -> Any:  # noqa: ANN401 # an outcome of any kind
        [(_, _, outcome)] = apply_lines(self.people, self.requests, [Line(1, 1, content)])
        return outcome

    def found(self, audience: str) -> list[str]:
        return list(Targeting(self.store).targets("shop", audience))


@pytest.fixture
def replay() -> Replay:
    replay = Replay()
    for name in "abc":
        replay.send("POST", HOME, {"pushServiceToken": name})
    return replay


def login(external_id: str) -> dict[str, Any]:
    return {"userIdentity": {"externalUserId": external_id}}


def test_what_a_get_names_first_counts_as_named(replay: Replay) -> None:
    assert replay.send("GET", f"{HOME}/A") is None
    assert replay.send("GET", f"{HOME}/B/user?ri=true", pushregistrationid="C") is None
    replay.send("POST", f"{HOME}/C/personalize", login("chen"))
    replay.send("POST", f"{HOME}/B/personalize", login("bea"))
    assert replay.found("external_id:bea") == ["n2"]
    assert replay.found("external_id:chen") == ["n3"]


def test_header_names_have_no_case(replay: Replay) -> None:
    replay.send("POST", f"{HOME}/A", {"language": "hr"}, **{"x-http-method-override": "PATCH"})
    replay.send("PATCH", f"{HOME}/A", {"customAttributes": {"theme": "dark"}})
    assert replay.found("language:hr") == ["n1"]
    shop = {"method": "POST", "path": HOME, "headers": {"authorization": "App shop"}, "body": "{}"}
    assert replay.apply(shop).outcome == "registered"


def test_flags_of_the_query_count(replay: Replay) -> None:
    replay.send("POST", f"{HOME}/A/personalize?keepAsLead=true", login("ali"))
    assert replay.found("type:lead") == ["n1"]
    refused = replay.send(
        "POST", f"{HOME}/A/personalize?forceDepersonalize=false&setDeviceAsPrimary=true", login("b")
    )
    assert refused.code == "PERSONALIZATION_IMPOSSIBLE"
    forced = f"{HOME}/A/personalize?setDeviceAsPrimary=true&forceDepersonalize=true"
    assert replay.send("POST", forced, login("b")).outcome == "rebound"
    assert replay.found("external_id:b and primary") == ["n1"]
    assert replay.found("external_id:ali") == []


def test_r25_primary_on_an_anonymous_installation_is_ignored(replay: Replay) -> None:
    assert replay.send("PATCH", f"{HOME}/A", {"isPrimary": True}).outcome == "unchanged"
    done = replay.send("PATCH", f"{HOME}/A", {"isPrimary": True, "regEnabled": False})
    assert done.outcome == "updated"
    assert replay.found("all") == ["n2", "n3"]


@pytest.mark.parametrize("absent", ["null", "Null", "NULL", None])
def test_r1_strings_that_mean_absent(replay: Replay, absent: str | None) -> None:
    body = {"userIdentity": {"externalUserId": absent, "emails": [{"address": "a@x.com"}]}}
    assert replay.send("POST", f"{HOME}/A/personalize", body).outcome == "attached"
    assert replay.send("POST", f"{HOME}/B/personalize", login("x")).outcome == "attached"
    replay.send("PATCH", f"{HOME}/B/user", {"externalUserId": absent})
    assert replay.found("external_id:x") == []


def test_logout_sign_in_again_and_removal(replay: Replay) -> None:
    replay.send("POST", f"{HOME}/A/repersonalize", login("ali"))
    replay.send("POST", f"{HOME}/B/personalize", login("ali"))
    replay.send("PATCH", f"{HOME}/A/user", {"phones": [{"number": "385991111666"}], "tags": ["t"]})
    assert replay.found("msisdn:385991111666 and tag:t") == ["n1", "n2"]
    assert replay.send("POST", f"{HOME}/B/depersonalize", pushregistrationid="A").person
    assert replay.found("external_id:ali") == ["n1"]
    assert replay.send("DELETE", f"{HOME}/A", pushregistrationid="B").outcome == "expired"
    assert replay.found("all") == ["n2", "n3"]
    assert History(replay.store).who("n1") is None


ODD: tuple[Any, ...] = (
    None, True, -1, 1.5, 10**30, float("nan"), "", "x", "\x00", "\ud800", "x" * 5_000,
    [], [None], [[]], [1], {}, {"a": []}, {"": 1}, {"x" * 300: 1}, [{}], "2026-01-01",
)  # fmt: skip


def refused_or_done(outcome: object) -> bool:
    return isinstance(outcome, AddresseeError) or hasattr(outcome, "outcome") or outcome is None


@pytest.mark.parametrize("name", NAMES)
def test_no_argument_of_a_command_breaks_it(replay: Replay, name: str) -> None:
    person = replay.send("POST", f"{HOME}/A/personalize", login("ali")).person
    usual = {
        "installation": "n1",
        "application": "shop",
        "person": person,
        "reason": "logout",
        "identity": {"external_id": "ali"},
    }
    parameters = inspect.signature(getattr(Personalization, name)).parameters
    fields = [*Context.__annotations__, *Reported.__annotations__, *list(parameters)[1:]]
    needed = {field: value for field, value in usual.items() if field in parameters}
    for field in fields:
        for odd in ODD:
            outcome = replay.apply({"command": name, **needed, field: odd})
            assert refused_or_done(outcome), (field, odd)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", HOME),
        ("PATCH", f"{HOME}/A"),
        ("DELETE", f"{HOME}/A"),
        ("POST", f"{HOME}/A/personalize"),
        ("POST", f"{HOME}/A/depersonalize"),
        ("PATCH", f"{HOME}/A/user"),
        ("POST", f"{HOME}/A/user/events/session"),
        ("GET", f"{HOME}/A"),
    ],
)
def test_no_request_breaks_it(replay: Replay, method: str, path: str) -> None:
    words = (
        *INSTALLATION_FIELDS,
        *PERSON_FIELDS,
        *IDENTIFIER_FIELDS,
        "tags",
        "isPrimary",
        "customAttributes",
    )
    for odd in ODD:
        for body in (
            odd,
            *({word: odd} for word in (*words, "userIdentity", "userAttributes")),
            *({"userIdentity": {word: odd}} for word in IDENTIFIER_FIELDS),
            *({**login("z"), "userAttributes": {word: odd}} for word in words),
            {"userIdentity": {"phones": [{"number": odd}], "emails": [{"address": odd}]}},
        ):
            assert refused_or_done(replay.send(method, path, body)), body
        for header in ("Authorization", "X-HTTP-Method-Override", "pushregistrationid"):
            assert refused_or_done(replay.send(method, path, {}, **{header: odd})), (header, odd)
        usual = {"method": method, "path": path, "headers": AUTHORIZED, "body": "{}"}
        for field in usual:
            assert refused_or_done(replay.apply({**usual, field: odd})), (field, odd)
    deep = {"method": method, "path": path, "headers": AUTHORIZED, "body": "[" * 100_000}
    assert refused_or_done(replay.apply(deep))
