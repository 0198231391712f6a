"""One shop, one server and one browser for all tests of the portal."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from tests.servers.chromium import chromium, served

from .shop import Shop
from .visits import Operator

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="package")
def shop() -> Shop:
    return Shop()


@pytest.fixture(scope="package")
def url(shop: Shop) -> Generator[str]:
    with served(shop.app) as address:
        yield address


@pytest.fixture(scope="package")
def browser() -> Generator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def admin(shop: Shop, url: str) -> Operator:
    return Operator(url, shop.keys["admin"])


@pytest.fixture
def marketing(shop: Shop, url: str) -> Operator:
    return Operator(url, shop.keys["marketing"])
