"""Many requests at once, forty with --long, around each limit, harm nobody else (R57).

They come with the public code, those with an audience with a key of the same application.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import fields
from itertools import count
from typing import Any, NamedTuple

import pytest

from addressee.adapters.mobile_sdk.request_fields import INSTALLATION_FIELDS, PERSON_FIELDS
from addressee.adapters.sql import SqlStore
from addressee.application import issue_key
from addressee.domain import FACTS, Limits, MobileApp, limits, values
from addressee.domain.limits import DEFAULT
from tests.acceptance.transport.conftest import HOME
from tests.clients.load import (
    Request,
    flooded,
    forget_peak,
    kilobytes,
    processor_seconds,
)
from tests.clients.watch import Watch
from tests.servers import Served, client, http_server

AT_ONCE, FEW_AT_ONCE = 40, 4
LARGE_AT_ONCE, SHORT = 12, 10_000_000
"""Large bodies of a short run: all of them together are above the bar for memory."""
SLOW = 5
"""Seconds of the processor that no request takes on a slow machine, and few took when unbounded."""
MEGABYTE = 1 << 20
LOG = logging.getLogger(__name__)
NUMBERS = count()
"""Requests differ, so that each has something to record."""
Body = dict[str, Any]
QUERY = "count"


class Flood(NamedTuple):
    """Requests around one limit.

    Args:
        limit: the largest size that is taken.
        body: returns a body of a size; with the name of a person of its own.
        action: the end of the path, ``""`` for a PATCH of the installation, or `QUERY`.
        more: a size far above the limit that a body of 1 MiB still has room for.
    """

    limit: int
    body: Callable[[int, str], Body]
    action: str
    more: int


def sign_in(who: str, **attributes: object) -> Body:
    return {"userIdentity": {"externalUserId": who}, "userAttributes": attributes}


def contacts(size: int, who: str) -> Body:
    emails = [{"address": f"ü{n}@ü{n % 10}.{who}.com"} for n in range(size)]
    return {"userIdentity": {"externalUserId": who, "emails": emails}}


def address(size: int, who: str) -> Body:
    email = f"{who}@" + f"{'b' * 49}." * (size // 50) + "c" * size
    return {"userIdentity": {"externalUserId": who, "emails": [{"address": email[:size]}]}}


def number(size: int, who: str) -> Body:
    phone = "+1202" + f"555{next(NUMBERS) % 10_000:04}".rjust(size - 5)
    return {"userIdentity": {"externalUserId": who, "phones": [{"number": phone}]}}


def custom(value: object, name: str = "a") -> Body:
    return {"customAttributes": {name: value, "n": next(NUMBERS)}}


def padded(size: int) -> str:
    return str(next(NUMBERS)).rjust(size, "x")


def tags(size: int, who: str) -> Body:
    return sign_in(who, tags=[f"{who} {n}" for n in range(size)])


def filled(size: int, _: str) -> Body:
    return {"x": "y" * (size - len('{"x": ""}'))}


def fact(wire: str) -> Callable[[int, str], Body]:
    return lambda size, _: {wire: padded(size)}


def attribute(wire: str) -> Callable[[int, str], Body]:
    def body(size: int, who: str) -> Body:
        exact = wire == "birthday" and size == 10
        return sign_in(who, **{wire: "2000-01-01" if exact else padded(size)})

    return body


def shared(size: int, _: str) -> Body:
    number = next(NUMBERS)
    return sign_in("shared", tags=[f"{number} {n}" for n in range(size)])


def audience(build: Callable[[int], str]) -> Callable[[int, str], Body]:
    return lambda size, _: {"expression": build(size)}


def nested(levels: int) -> str:
    return "(all and (all or " * (levels // 2) + "all" + "))" * (levels // 2)


BODY = Flood(MEGABYTE, filled, "", 20 * MEGABYTE)
OPEN = MobileApp(code="open", expression_limit=250_000, term_limit=1_000, level_limit=50)
FLOODS: Mapping[str, Flood] = {
    "CONTACTS": Flood(100, contacts, "personalize", 15_000),
    "EMAIL": Flood(250, address, "personalize", 900_000),
    "PHONE": Flood(50, number, "personalize", 900_000),
    "NAME": Flood(256, lambda size, who: sign_in(who.rjust(size, "x")), "personalize", 900_000),
    "TEXT": Flood(4_096, lambda size, _: custom(padded(size)), "", 900_000),
    "lists": Flood(
        150, lambda size, _: custom([{"product": "shoes"}] * size), "", limits.JSON_VALUES - 2
    ),
    "ATTRIBUTES_PER_COMMAND": Flood(
        limits.ATTRIBUTES_PER_COMMAND,
        lambda size, _: {"customAttributes": dict.fromkeys(map("a{}".format, range(size)))},
        "",
        limits.JSON_VALUES,
    ),
    "attributes": Flood(
        DEFAULT.attributes,
        lambda size, _: {"customAttributes": {f"a{n}": next(NUMBERS) for n in range(size)}},
        "",
        9_000,
    ),
    "TAGS_PER_COMMAND": Flood(limits.TAGS_PER_COMMAND, tags, "personalize", limits.JSON_VALUES - 1),
    "tags": Flood(DEFAULT.tags, tags, "personalize", 9_000),
    # Each request replaces the tags of the one before, on all devices of one person.
    "tagging": Flood(
        DEFAULT.tagging // 2 // (2 * AT_ONCE + 2), shared, "personalize", DEFAULT.tags
    ),
    "JSON_VALUES": Flood(
        limits.JSON_VALUES, lambda size, _: {str(n): n for n in range(size)}, "", 60_000
    ),
    "body": BODY,
    "expression": Flood(OPEN.expression_limit, audience("all".rjust), QUERY, 900_000),
    "terms": Flood(
        OPEN.term_limit, audience(lambda size: "||".join(["all"] * size)), QUERY, 40_000
    ),
    "levels": Flood(OPEN.level_limit, audience(nested), QUERY, 20_000),
    "BRACKETS": Flood(
        limits.BRACKETS, audience(lambda size: "(" * size + "all" + ")" * size), QUERY, 249_999
    ),
    **{
        name: Flood(FACTS[name], fact(wire), "", 900_000)
        for wire, name in INSTALLATION_FIELDS.items()
        if name in FACTS
    },
    **{
        name: Flood(values.PERSON_ATTRIBUTE_LIMITS[name], attribute(wire), "personalize", 900_000)
        for wire, name in PERSON_FIELDS.items()
    },
}
NOT_SENT = {
    *("ISSUERS", "AUDIENCES", "URL"),  # of an application's settings, which no request sets
    *("TIME", "DEPTH", "TERMS", "EXPRESSION", "SEGMENT", "SEGMENT_STREAM", "MERGED"),
    "DAYS_AHEAD",  # no size
    *("fid", "apns_environment", "apns_topic", "webpush_p256dh", "webpush_auth"),
}
USUAL = ("CONTACTS", "body", "terms")
"""The floods of a short run."""


def test_R57_every_limit_has_its_flood() -> None:
    fixed = {name for name, limit in vars(limits).items() if type(limit) is int}
    own = {each.name for each in fields(Limits) if isinstance(each.default, int)}
    every = {*fixed, *own, *FACTS, *values.PERSON_ATTRIBUTE_LIMITS}
    assert every - FLOODS.keys() == NOT_SENT


class Target(NamedTuple):
    """A server that is flooded, its key, and that of an application that is not."""

    served: Served
    flooding: str
    key: str

    def devices(self, count: int) -> list[str]:
        """Register devices, one for each request."""
        with client(self.served.url, Authorization="App open") as http:
            made = [http.post(HOME, json={"os": "a"}) for _ in range(count)]
        return [each.json()["pushRegId"] for each in made]

    def figures(self, name: str, size: int, devices: list[str]) -> Figures:
        """Send the request of one device, then all others at once, and measure what they do."""
        first, *others = requests_of(FLOODS[name], size, devices, self.flooding)
        served, process = self.served, self.served.process.pid
        spent = processor_seconds(process)
        alone = flooded(served, [first])
        spent = processor_seconds(process) - spent
        start = forget_peak(process)
        health = Watch(served, "GET", "/v1/health")
        command = Watch(served, "POST", "/v1/commands/register", '{"os": "a"}', self.key)
        with health, command:
            statuses = flooded(served, others)
            time.sleep(0.1)
        grown = (kilobytes(process, "VmHWM") - start) // 1024
        longest = max(health.times), max(command.times)
        return Figures(name, size, {*alone}, spent, dict(statuses), *longest, grown)


class Figures(NamedTuple):
    """What a flood does: processor time of one request, and others' waits, in seconds."""

    flood: str
    size: int
    alone: set[str]
    processor: float
    statuses: Mapping[str, int]
    health: float
    command: float
    mebibytes: int

    def told(self) -> str:
        return (
            f"{self.flood} {self.size}: {self.processor:.2f} s of processor, {self.statuses},"
            f" health {self.health:.3f} s, command {self.command:.3f} s, {self.mebibytes} MiB"
        )

    def harm(self, *, timed: bool) -> bool:
        """Whether the flood did anything that it must not."""
        flood = FLOODS[self.flood]
        # An application's own limit of tags is lower, and refuses them first.
        taken = self.size == flood.limit and self.flood != "TAGS_PER_COMMAND"
        expected = {"200"} if taken else {"413" if flood is BODY else "400"}
        return (
            self.alone != expected
            or not self.statuses.keys() <= expected | {"429", "503"}
            or self.processor >= (1 if timed else SLOW)
            or self.mebibytes >= 100
            or (timed and (self.health >= 0.1 or self.command >= 1))
        )


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Generator[Target]:
    url = f"sqlite:///{tmp_path_factory.mktemp('floods')}/flood.db"
    with SqlStore(url) as store:
        for app in (OPEN, MobileApp(code="bank")):
            store.applications.put(app)
        keys = [issue_key(store.applications, code, "backend") for code in ("open", "bank")]
    with http_server(url) as served:
        yield Target(served, *keys)


def requests_of(flood: Flood, size: int, devices: list[str], key: str = "") -> list[Request]:
    """Return a request of each device, each for a person of its own, or as many queries."""
    method = "POST" if flood.action else "PATCH"
    return [
        Request(
            method,
            f"/v1/audiences/{QUERY}"
            if flood.action == QUERY
            else f"{HOME}/{device}/{flood.action}".rstrip("/"),
            json.dumps(flood.body(size, f"u{next(NUMBERS)}")),
            key if flood.action == QUERY else "open",
        )
        for device in devices
    ]


def test_R57_a_flood_harms_nobody_else(target: Target, *, long: bool) -> None:
    harmful = list[Figures]()
    for name in FLOODS if long else USUAL:
        flood = FLOODS[name]
        few = LARGE_AT_ONCE if flood is BODY else FEW_AT_ONCE
        devices = target.devices(1 + (AT_ONCE if long else few))
        if name == "tagging":
            signed_in = flooded(target.served, requests_of(flood, 1, devices))
            assert signed_in == {"200": len(devices)}
        for size in (flood.limit, flood.more if long else min(flood.more, SHORT)):
            figures = target.figures(name, size, devices)
            LOG.info("%s", figures.told())
            harmful += [figures] * figures.harm(timed=long)
    assert harmful == []
