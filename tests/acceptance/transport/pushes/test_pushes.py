"""`/v1/pushes`: dispatches over HTTP, and the dispatcher beside the API."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from addressee.adapters.http_client import Client, Problem
from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.application import Notifier, Personalization, issue_key
from addressee.domain import MobileApp
from tests.acceptance.transport.conftest import World
from tests.patience import wait_until
from tests.servers import http_server


@pytest.fixture
def shop(world: World) -> Generator[Client]:
    with Client(world.served.url, world.keys["shop", "backend"]) as client:
        yield client


@pytest.fixture
def bank(world: World) -> Generator[Client]:
    with Client(world.served.url, world.keys["bank", "backend"]) as client:
        yield client


def refused(call: Any, *arguments: Any, **options: Any) -> Problem:  # noqa: ANN401 # any call
    with pytest.raises(Problem) as caught:
        call(*arguments, **options)
    return caught.value


def test_a_push_is_tried_made_listed_and_steered(world: World, shop: Client) -> None:
    device = world.register(pushServiceType="Firebase", pushServiceToken="push-token-1")
    audience = f"installation:{device}"
    tried = shop.push(audience, title="Hi", dry_run=True)
    assert (tried["state"], tried["recipients"], tried["sample"]) == ("dry_run", 1, [device])
    before = len(shop.pushes())
    made = shop.push(audience, title="Hi", data={"n": "1"}, ttl=60, priority="normal")
    assert (made["state"], made["application"], made["audience"]) == ("running", "shop", audience)
    assert shop.push_status(made["id"]) == made
    assert shop.pushes(1) == [made]
    assert len(shop.pushes()) == before + 1
    assert shop.pause_push(made["id"])["state"] == "paused"
    assert shop.resume_push(made["id"])["state"] == "running"
    push = RecordingPush()
    Notifier(world.store, {("shop", "fcm"): push}).run(made["id"])
    assert [sent.message.data for sent in push.sent] == [{"n": "1"}]
    done = shop.push_status(made["id"])
    assert (done["state"], done["accepted"]) == ("done", 1)
    other = shop.push(audience, body="Later")
    assert shop.cancel_push(other["id"])["state"] == "cancelled"


def test_a_push_is_scheduled_listed_and_cancelled(world: World, shop: Client) -> None:
    device = world.register(pushServiceType="Firebase", pushServiceToken="push-token-2")
    audience = f"installation:{device}"
    now = datetime.now(UTC).replace(microsecond=0)
    days = [now + timedelta(days=n) for n in (2, 1)]
    tried = shop.push(audience, title="Hi", starts_at=days[0], dry_run=True)
    assert (tried["state"], tried["recipients"], tried["sample"]) == ("dry_run", 1, [device])
    second, first = (shop.push(audience, title="Hi", starts_at=day) for day in days)
    assert (first["state"], datetime.fromisoformat(first["starts_at"])) == ("scheduled", days[1])
    assert shop.push(audience, title="Hi", starts_at=now)["state"] == "running"
    assert shop.pushes(scheduled=True) == [first, second]
    assert shop.cancel_push(first["id"])["state"] == "cancelled"
    assert shop.pushes(scheduled=True) == [second]
    shop.cancel_push(second["id"])


def test_R31_the_same_key_makes_one_push(shop: Client, bank: Client) -> None:
    first = shop.push("all", title="Hi", idempotency_key="sale")
    assert shop.push("all", title="Hi", idempotency_key="sale") == first
    assert bank.push("all", title="Hi", idempotency_key="sale")["id"] != first["id"]
    problem = refused(shop.push, "all", title="Other", idempotency_key="sale")
    assert (problem.status, problem.code) == (409, "IDEMPOTENCY_KEY_REUSED")
    shop.cancel_push(first["id"])


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({}, "message"),
        ({"title": "x", "starts_at": "tomorrow"}, "starts_at"),
        ({"title": "x", "starts_at": "2026-11-27T09:00:00"}, "starts_at"),
        ({"title": "x", "starts_at": "2999-11-27T09:00:00Z"}, "starts_at"),
        ({"title": "x" * 5_000}, "title"),
        ({"title": "a", "ttl": -1}, "ttl"),
        ({"title": "a", "collapse_key": ""}, "collapse_key"),
        ({"title": "a", "priority": "urgent"}, "priority"),
        ({"title": "a", "idempotency_key": "x" * 300}, "idempotency_key"),
    ],
)
def test_what_is_wrong_is_named(shop: Client, order: dict[str, Any], field: str) -> None:
    problem = refused(shop.push, "all", **order)
    assert (problem.status, problem.field) == (400, field)
    assert refused(shop.push, "tag:", title="a").code == "EXPRESSION_INVALID"
    assert refused(shop.push, "segment:none", title="a").code == "UNKNOWN_SEGMENT"


def test_pushes_of_another_application_are_not_there(shop: Client, bank: Client) -> None:
    made = shop.push("all", title="Hi")
    for call in (bank.push_status, bank.pause_push, bank.resume_push, bank.cancel_push):
        foreign, absent = refused(call, made["id"]), refused(call, "none")
        assert (foreign.status, foreign.code) == (absent.status, absent.code)
        assert foreign.status == 404
    assert made["id"] not in {each["id"] for each in bank.pushes()}
    assert shop.cancel_push(made["id"])["state"] == "cancelled"


def test_serve_sends_pushes_and_counts_their_outcomes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/served.db"
    senders = tmp_path / "senders.toml"
    senders.write_text('[shop.fcm]\nkind = "recording"\npath = "sent.jsonl"\n')
    with SqlStore(url) as store:
        store.applications.put(MobileApp(code="shop"))
        key = issue_key(store.applications, "shop", "admin")
        people = Personalization(store)
        for n in range(3):
            people.register("shop", installation=f"d{n}", push_token=f"t{n}")
        people.register("shop", installation="page", push_service="pager", push_token="p")
    with http_server(url, "--senders", str(senders)) as served, Client(served.url, key) as shop:
        made = shop.push("all", title="Hi")
        wait_until(lambda: shop.push_status(made["id"])["state"] == "done", "the push is sent")
        done = shop.push_status(made["id"])
        metrics = shop._http.get("/metrics").text
    assert (done["accepted"], done["rejected"]) == (3, 1)
    sent = [json.loads(line) for line in (tmp_path / "sent.jsonl").read_text().splitlines()]
    assert [each["installation"] for each in sent] == ["d0", "d1", "d2"]
    for service, outcome, count in (("fcm", "accepted", 3.0), ("pager", "rejected", 1.0)):
        labels = f'application="shop",outcome="{outcome}",service="{service}"'
        assert f"addressee_pushes_total{{{labels}}} {count}" in metrics
