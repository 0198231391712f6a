"""The portal in a real browser."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from addressee.application import History, Message, Targeting
from addressee.domain import Term
from tests.servers.chromium import served

from .shop import Shop, Waiting
from .visits import signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.chromium
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


@pytest.fixture
def asked() -> list[str]:
    """Every URL that the browser has asked for."""
    return []


@pytest.fixture
def page(browser: Browser, url: str, asked: list[str]) -> Generator[Page]:
    """A window whose every request goes to the server; errors of pages fail the test."""
    context = browser.new_context(reduced_motion="reduce", timezone_id="Europe/Zagreb")
    opened = context.new_page()
    errors: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("dialog", lambda dialog: errors.append(dialog.message))
    yield opened
    context.close()
    assert [each for each in asked if not each.startswith(f"{url}/portal")] == []
    assert errors == []


def violations(page: Page, *only: str) -> list[str]:
    """Return what axe finds against WCAG 2.2 AA on a page, or by these of its rules only.

    Args:
        page: what is shown.
        only: some rules.
    """
    from axe_playwright_python.sync_playwright import (  # type: ignore[import-untyped] # noqa: PLC0415 # only where the browser is
        Axe,
    )

    chosen = {"type": "rule" if only else "tag", "values": list(only or WCAG)}
    found = Axe().run(page, options={"runOnly": chosen, "resultTypes": ["violations"]})
    return [
        f"{page.url} {each['id']}: {node['html']} {node['failureSummary']}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


STICKING_OUT = """
    [...document.querySelectorAll(".card *, tbody tr *")].filter(each => {
        const box = each.parentElement.closest(".card, tbody tr").getBoundingClientRect()
        const shown = each.getClientRects().length && !each.closest("thead")
        return shown && each.getBoundingClientRect().right > box.right + 1
    }).map(each => each.outerHTML.slice(0, 99))
"""
"""What ends further to the right than the box that it is in."""


def test_no_page_violates_wcag(page: Page, url: str, shop: Shop, *, long: bool) -> None:
    page.goto(f"{url}/portal/sign-in")
    found = violations(page)
    signed_in(page, url, shop.keys["admin"])
    looked_at = set[str]()
    for path in shop.pages():
        kind = path.partition("?")[0]
        page.emulate_media(color_scheme="light")
        page.goto(f"{url}/portal{path}")
        for width in (1440, 820, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(STICKING_OUT) == [], f"{path} at {width} pixels"
        wide = "document.documentElement.scrollWidth > window.innerWidth"
        assert not page.evaluate(wide), path
        if long or kind not in looked_at:
            found += violations(page)
        looked_at.add(kind)
        if long:  # other colours need a look at their contrast, and the structure is the same
            page.set_viewport_size({"width": 1440, "height": 900})
            page.emulate_media(color_scheme="dark")
            found += violations(page, "color-contrast")
    assert found == []


def test_what_runs_is_brought_up_to_date_until_it_has_ended(
    page: Page, url: str, shop: Shop, asked: list[str]
) -> None:
    signed_in(page, url, shop.keys["admin"])
    made = shop.notifier.dispatch("shop", "tag:vip", Message("Sale"))
    page.clock.install()
    page.goto(f"{url}/portal/push?id={made.id}")
    page.get_by_role("link", name="Refresh").focus()
    shop.notifier.pause(made.id)
    page.clock.run_for(5_100)
    page.get_by_role("status").get_by_text("paused").wait_for()
    page.get_by_role("button", name="Resume").wait_for()
    assert page.get_by_role("link", name="Refresh").count() == 0
    assert page.evaluate("document.activeElement.id") == "main", "the link has gone"
    before = len(asked)
    page.clock.run_for(60_000)
    assert len(asked) == before, "it has ended"


@pytest.mark.every_case
def test_a_running_work_violates_no_wcag_and_keeps_the_focus(browser: Browser, shop: Shop) -> None:
    work = Waiting()
    with served(shop.served(works={"rebuild": work})) as url:
        page = browser.new_context().new_page()
        signed_in(page, url, shop.keys["admin"])
        page.goto(f"{url}/portal/operations")
        page.get_by_role("button", name="Rebuild").click()
        page.get_by_text("3 of 10 positions").wait_for()
        assert violations(page) == []
        page.get_by_label("A new key for").focus()
        work.go.set()
        page.get_by_text("rebuilt").wait_for()
        page.get_by_text("None is running.").wait_for()
        assert page.evaluate("document.activeElement.name") == "scope"
        assert violations(page) == []
        page.context.close()


def test_a_support_case_from_search_to_remote_logout(page: Page, url: str, shop: Shop) -> None:
    shop.people.register("shop", installation="stolen", push_token="stolen", actor="device")
    shop.people.personalize("stolen", shop.identity("robbed"), actor="device")
    signed_in(page, url, shop.keys["support"], "noa")
    page.get_by_label("Person or device").fill("robbed")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="robbed").wait_for()
    page.get_by_role("button", name="Sign out of stolen").click()
    page.get_by_text("Signed out of the device.").wait_for()
    assert "operator:noa@" in page.locator(".timeline li").first.inner_text()
    assert Targeting(shop.store).count("shop", "external_id:robbed") == 0
    assert History(shop.store).who("stolen") is None


def test_an_audience_is_written_counted_explained_and_saved(
    page: Page, url: str, shop: Shop
) -> None:
    signed_in(page, url, shop.keys["marketing"])
    page.get_by_role("link", name="Audiences").click()
    field = page.get_by_label("Whom does a push reach?")
    field.press_sequentially("tag:vip and os:an")
    live = page.locator("#live")
    live.get_by_text("Reaches").wait_for()  # while it is typed
    offered = page.locator("#words option").evaluate_all("all => all.map(each => each.value)")
    assert offered == ["tag:vip and os:android"]
    field.fill("tag:vip")
    page.locator("#first").get_by_text("First: ali-phone (a•••)").wait_for()
    field.fill(" tag:vip ) 😀")
    live.get_by_text("column 9").wait_for()
    assert page.locator("#mark mark").inner_text() == ")"
    assert page.locator("#mark").inner_text() == "tag:vip ) 😀"
    assert page.evaluate("document.activeElement.id") == "expression"
    assert page.locator("#first").is_hidden()
    assert violations(page) == []
    field.fill("tag:vip and")
    live.get_by_text("column 12").wait_for()
    field.fill("tag:vip and os:android")
    page.get_by_label("Explain this device").fill("ali-tablet")
    page.get_by_role("button", name="Count and sample").click()
    page.get_by_role("heading", name="Why ali-tablet is not reached").wait_for()
    assert violations(page) == []
    number = Targeting(shop.store).count("shop", "tag:vip and os:android")
    assert page.locator(".count").inner_text() == str(number)
    page.get_by_label("Save as segment").fill("android-vips")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The segment is saved.").wait_for()
    assert Targeting(shop.store).segments("shop")["android-vips"] == "tag:vip and os:android"


@pytest.mark.every_case
def test_pages_that_a_form_leads_to_do_not_violate_wcag(page: Page, url: str, shop: Shop) -> None:
    page.goto(f"{url}/portal/sign-in")
    page.get_by_label("Your name").fill("mia")
    page.get_by_label("Key").fill("wrong")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    found = violations(page)
    signed_in(page, url, shop.keys["admin"])
    page.get_by_label("Person or device").fill("nobody at all")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Nobody and nothing has this name").wait_for()
    found += violations(page)
    page.goto(f"{url}/portal/audience")
    field = page.get_by_label("Whom does a push reach?")
    field.fill("tag:vip and (")
    page.keyboard.press("Enter")
    page.locator("mark").wait_for()
    found += violations(page)
    field.fill("tag:vip")
    page.get_by_role("button", name="Count and sample").click()
    page.get_by_role("button", name="Write a push to them").click()
    chosen = page.locator("select[name=zone] option:checked")
    chosen.filter(has_text="Europe/Zagreb").wait_for(state="attached")  # the browser's
    page.get_by_label("Title").fill("Sale")
    page.get_by_role("button", name="Try it without sending").click()
    page.get_by_role("button", name="Send now").wait_for()
    page.get_by_label("Not before").fill("2027-01-04T09:00")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("button", name="Schedule it").wait_for()
    page.get_by_text("2027-01-04 00:00:00").wait_for()
    assert page.get_by_label("Time zone").input_value() == "Asia/Tokyo", "what was chosen stays"
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    found += violations(page)
    page.goto(f"{url}/portal/operations")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_role("heading", name="The new key").wait_for()
    found += violations(page)
    assert found == []


def test_what_is_typed_before_the_script_has_come_is_counted(
    page: Page, url: str, shop: Shop
) -> None:
    signed_in(page, url, shop.keys["marketing"])
    held: list[Route] = []
    page.route("**/portal.js*", lambda route: held.append(route))  # noqa: PLW0108 # Playwright takes no bound method of a list
    page.goto(f"{url}/portal/audience", wait_until="commit")
    page.get_by_label("Whom does a push reach?").fill("tag:vip")
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    page.locator("#live").get_by_text("Reaches").wait_for()


def test_a_stored_script_never_runs(page: Page, url: str, shop: Shop) -> None:
    signed_in(page, url, shop.keys["admin"])
    for path in (f"/person?id={shop.persons['mallory']}", "/installation?id=evil-phone"):
        page.goto(f"{url}/portal{path}")
        page.wait_for_load_state("networkidle")
        assert "<script>" in page.inner_text("main")
        assert "stolen" not in page.title()
    evil = "<img/src=x/onerror=document.title='stolen'>"
    shop.people.register("shop", installation=evil, push_token="evil", actor="device")
    page.goto(f"{url}/portal/audience")
    page.get_by_label("Whom does a push reach?").fill(str(Term("installation", evil)))
    page.locator("#first").get_by_text(evil).wait_for()
    assert "stolen" not in page.title()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    page: Page, url: str, shop: Shop
) -> None:
    signed_in(page, url, shop.keys["admin"])
    page.goto(f"{url}/portal/person?id={shop.persons['ali']}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    wanted = page.locator("a:visible:not([tabindex]), button:visible, input:not([type=hidden])")
    missed = {each.evaluate("e => e.outerHTML") for each in wanted.all()}
    for _ in range(len(missed) + 30):
        focused = page.evaluate("document.activeElement.outerHTML")
        if focused in missed:
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(outline) == "solid", focused
        missed.discard(focused)
        page.keyboard.press("Tab")
    assert missed == set()
