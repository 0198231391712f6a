"""What tests do in the portal, by a browser and without one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from playwright.sync_api import Page

TOKEN = re.compile(r'name="csrf" value="(\w+)"')


def signed_in(page: Page, url: str, key: str, name: str = "mia") -> None:
    """Sign in by the browser's page."""
    page.goto(f"{url}/portal/sign-in")
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Key").fill(key)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/portal/")


class Operator:
    """A client that stands for a browser without scripts."""

    def __init__(self, url: str, key: str | None = None, name: str = "mia") -> None:
        # No connection stays open, so none needs to be closed; and it loads no certificates.
        self.http = httpx.Client(
            base_url=url,
            follow_redirects=True,
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=90,
            verify=False,  # noqa: S501 # no TLS here
        )
        self.token = ""
        if key is not None:
            self.get("/sign-in")
            self.signed = self.post("/sign-in", name=name, key=key)

    def get(self, path: str, **query: str) -> httpx.Response:
        return self._seen(self.http.get(f"/portal{path}", params=query or None))

    def post(self, path: str, **fields: str) -> httpx.Response:
        form = {"csrf": self.token, **fields}
        return self._seen(self.http.post(f"/portal{path}", data=form))

    def _seen(self, response: httpx.Response) -> httpx.Response:
        if found := TOKEN.search(response.text):
            self.token = found[1]
        return response
