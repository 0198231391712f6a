"""Local push services, and transports that reach them."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from addressee.adapters.push.apns import ApnsPush, ApnsToken
from addressee.adapters.push.fcm import FcmPush
from addressee.adapters.push.webpush import Vapid, WebPush
from addressee.application import (
    Message,
    Recipient,
)
from tests.servers.push.services import PushServices, pem, push_services

HELLO = Message(title="Hello", body="Zoë", data={"n": "1"}, ttl=60, collapse_key="news item")

SILENT = Message(data={"n": "1"})

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[PushServices]:
    with push_services(tmp_path_factory.mktemp("push")) as services:
        yield services


@pytest.fixture
def services(running: PushServices) -> PushServices:
    running.replies.clear()
    running.requests.clear()
    return running


@pytest.fixture
def fcm(services: PushServices) -> Generator[FcmPush]:
    push = FcmPush("p1", services.account, url=services.url, verify=services.trusted())
    yield push
    push.close()


@pytest.fixture
def apns(services: PushServices) -> Generator[ApnsPush]:
    token = ApnsToken("TEAM", "KEY", pem(services.apple))
    urls = {"production": services.url, "sandbox": f"{services.url}"}
    push = ApnsPush(token, "com.shop", urls=urls, verify=services.trusted())
    yield push
    push.close()


@pytest.fixture
def webpush(services: PushServices) -> Generator[WebPush]:
    vapid = Vapid(pem(ec.generate_private_key(ec.SECP256R1())), "mailto:push@shop.example")
    push = WebPush(vapid, allow=["localhost"], verify=services.trusted())
    yield push
    push.close()


def to(address: str, service: str = "fcm", **details: str) -> Recipient:
    return Recipient(1, "phone", None, service, address, details, NOW)


def browser(services: PushServices, path: str = "/wp/1", **details: str) -> Recipient:
    keys = {"p256dh": services.browser.p256dh, "auth": services.browser.auth}
    return to(f"{services.url}{path}", "webpush", **{**keys, **details})
