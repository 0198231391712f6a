"""An operator signs in at the identity provider in a real browser, acts, and signs out of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addressee.application import History

from .conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.chromium


def test_an_operator_goes_to_the_provider_and_back(house: House, browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    bea = house.shop.persons["bea"]
    page.goto(f"{house.url}/portal/person?id={bea}")
    page.get_by_role("link", name="Sign in to shop").click()
    page.wait_for_url(f"{house.url}/portal/person?id={bea}")
    assert [each.get("name") for each in context.cookies()] == ["addressee"]
    page.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_text("Signed out of every device").wait_for()
    [*_, (_, event)] = History(house.shop.store).person(bea)
    assert event.actor == "operator:mia"
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{house.url}/portal/sign-in")  # by way of the provider
    assert [each for each in house.provider.asked if each.startswith("/logout")]
    page.goto(f"{house.url}/portal/person?id={bea}")
    page.get_by_role("link", name="Sign in to shop").wait_for()
    context.close()
