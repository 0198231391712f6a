"""Neither credentials nor addresses come into the ledger's file or a log (R40)."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from addressee.adapters.push.apns import ApnsPush
from addressee.adapters.push.fcm import FcmPush
from addressee.adapters.push.infobip import InfobipPush
from addressee.adapters.push.webpush import WebPush
from addressee.adapters.sql import SqlStore
from addressee.application import Notifier, Personalization, PushTransport
from tests.integration.push.conftest import HELLO
from tests.servers.push.services import PushServices, pem
from tests.servers.push.vendor import KEY


@pytest.fixture
def transports(
    services: PushServices, fcm: FcmPush, apns: ApnsPush, webpush: WebPush
) -> Generator[Mapping[str, PushTransport]]:
    vendor = InfobipPush(
        "app-1", KEY, url=services.url, sleep=lambda _: None, verify=services.trusted()
    )
    yield {"fcm": fcm, "apns": apns, "webpush": webpush, "vendor": vendor}
    vendor.close()


def test_no_log_has_an_address_and_no_file_a_credential(
    services: PushServices,
    transports: Mapping[str, PushTransport],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = services.browser
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        people = Personalization(store)
        people.register("shop", installation="android-1", push_token="address-of-android")
        people.register("shop", installation="ios-1", os="iOS", push_token="address-of-ios")
        people.register(
            "shop",
            installation="browser-1",
            push_service="webpush",
            push_token=f"{services.url}/address-of-browser",
            webpush_p256dh=browser.p256dh,
            webpush_auth=browser.auth,
        )
        people.register("shop", installation="vendors-1", push_service="Infobip")
        notifier = Notifier(store, transports, people=people)
        done = notifier.run(notifier.dispatch("shop", "all", HELLO).id)
        assert done.accepted == 4
        files = b"".join(each.read_bytes() for each in tmp_path.glob("ledger.db*"))
    assert b"address-of-ios" in files
    keys = [key_lines(pem(key)) for key in (services.google, services.apple)]
    for secret in (KEY, "access-", *(line for key in keys for line in key)):
        assert secret.encode() not in files
        assert secret not in caplog.text
    assert "HTTP Request: POST" in caplog.text, "httpx logs differently now"
    for address in ("address-of-", "vendors-1", browser.p256dh):
        assert address not in caplog.text


def key_lines(key: str) -> list[str]:
    return [line for line in key.splitlines() if not line.startswith("-")]
