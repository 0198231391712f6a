"""Pictures of every page of the portal: `python -m tests.portal_screenshots FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.acceptance.portal.shop import Shop, Waiting
from tests.acceptance.portal.visits import signed_in
from tests.servers.chromium import chromium, served

WIDTHS = (390, 820, 1440)
SCHEMES = ("light", "dark")


def take(browser: Browser, url: str, shop: Shop, folder: Path) -> None:
    """Write the pictures."""
    for scheme in SCHEMES:
        for width in WIDTHS if scheme == "light" else WIDTHS[::2]:
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=scheme,  # type: ignore[arg-type] # one of the two
            )
            page = context.new_page()
            page.goto(f"{url}/portal/sign-in")
            shoot(page, folder / f"sign-in-{width}-{scheme}.png")
            signed_in(page, url, shop.keys["admin"])
            for number, path in enumerate(shop.pages()):
                name = path.partition("?")[0].strip("/").replace("/", "-") or "find"
                page.goto(f"{url}/portal{path}")
                shoot(page, folder / f"{number}-{name}-{width}-{scheme}.png")
            for show in (typed, mistyped, counted, replacing, written):
                shoot(show(page, url), folder / f"{show.__name__}-{width}-{scheme}.png")
            context.close()


def take_working(browser: Browser, url: str, shop: Shop, folder: Path) -> None:
    """Write the picture of a work that runs."""
    page = browser.new_context().new_page()
    signed_in(page, url, shop.keys["admin"])
    page.goto(f"{url}/portal/operations")
    page.get_by_role("button", name="Rebuild").click()
    page.get_by_text("3 of 10 positions").wait_for()
    shoot(page, folder / "working-1280-light.png")
    page.context.close()


def typed(page: Page, url: str) -> Page:
    """Show an audience that the script has counted."""
    page.goto(f"{url}/portal/audience")
    page.get_by_label("Whom does a push reach?").fill("tag:vip and os:android")
    page.get_by_text("First:").wait_for()
    return page


def mistyped(page: Page, url: str) -> Page:
    """Show where the script has marked an error."""
    page.goto(f"{url}/portal/audience")
    page.get_by_label("Whom does a push reach?").fill("tag:vip and os:android) or primary")
    page.locator("#mark mark").wait_for()
    return page


def counted(page: Page, url: str) -> Page:
    """Show an audience that was counted and explained."""
    page.goto(f"{url}/portal/audience?segment=regulars&installation=counter")
    page.get_by_role("button", name="Count and sample").click()
    page.get_by_role("heading", name="Why").wait_for()
    return page


def replacing(page: Page, url: str) -> Page:
    """Show the question before a segment replaces another one."""
    page.goto(f"{url}/portal/audience?segment=regulars")
    page.get_by_label("Whom does a push reach?").fill("primary")
    page.get_by_role("button", name="Count and sample").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Replace it").wait_for()
    return page


def written(page: Page, url: str) -> Page:
    """Show a push that was written for later, and tried."""
    page.goto(f"{url}/portal/audience?segment=regulars")
    page.get_by_role("button", name="Count and sample").click()
    page.get_by_role("button", name="Write a push to them").click()
    page.get_by_label("Title").fill("Spring sale")
    page.get_by_label("Not before").fill("2027-01-04T09:00")
    page.get_by_label("Time zone").select_option("Europe/Zagreb")
    page.get_by_role("button", name="Try it without sending").click()
    page.get_by_role("button", name="Schedule it").wait_for()
    return page


def shoot(page: Page, path: Path) -> None:
    """Write the picture of a whole page, and complain of what is wider than the screen."""
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if wide > 0:
        sys.stderr.write(f"{path.name}: {wide} px too wide\n")
    page.screenshot(path=path, full_page=True)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    shop = Shop()
    work = Waiting()
    app = shop.served(works={"rebuild": work})
    with served(app) as url, chromium() as browser:
        take(browser, url, shop, folder)
        take_working(browser, url, shop, folder)
        work.go.set()


if __name__ == "__main__":
    main()
