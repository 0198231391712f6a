"""How long operators wait for the portal: the first byte of each page, and the count as they type.

Each figure is compared with what was promised, so a ratio of 1 keeps the promise just so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx

from addressee.adapters.cli.garbage_collection import collected_seldom
from addressee.adapters.http import create_app
from addressee.adapters.portal import PortalSettings, mount_portal
from addressee.application import History, issue_key
from addressee.domain import MobileApp
from tests.acceptance.portal.visits import TOKEN
from tests.benchmarks.reading.crowd import LIVES, crowded, phone
from tests.benchmarks.reading.population import APPLICATION
from tests.benchmarks.report import Figure
from tests.servers.chromium import served

FIRST_BYTE, COUNT = 0.2, 0.05
"""Seconds that were promised for a page's first byte, warm, and for a count while typing."""
ROUNDS = 20
EXPRESSION = "tag:huge and primary and not (tag:t20 or os:ios)"


def figures(installations: int, kept: Path | None) -> Iterator[Figure]:
    """Measure the pages on a store on SQLite.

    Args:
        installations: how many it has.
        kept: the folder of a store that stays, if one is wanted.
    """
    with collected_seldom(), crowded(installations, kept) as store:
        store.applications.put(MobileApp(code=APPLICATION))
        key = issue_key(store.applications, APPLICATION, "admin")
        app = create_app(store, store.applications)
        mount_portal(app, PortalSettings(secure=False))
        device = phone(LIVES - 1)
        person = str(History(store).who(device))
        with served(app) as url, httpx.Client(base_url=f"{url}/portal", verify=False) as http:  # noqa: S501 # no TLS here
            token = signed_in(http, key)
            audience = {"csrf": token, "expression": EXPRESSION}
            for name, path, form, promised in (
                ("find", "/", None, FIRST_BYTE),
                ("person", f"/person?id={person}", None, FIRST_BYTE),
                ("device", f"/installation?id={device}", None, FIRST_BYTE),
                ("search", "/find", {"csrf": token, "q": f"known{LIVES - 1}"}, FIRST_BYTE),
                ("audience, empty", "/audience", None, FIRST_BYTE),
                ("audience, sampled", "/audience", audience, FIRST_BYTE),
                ("pushes", "/pushes", None, FIRST_BYTE),
                ("operations", "/operations", None, FIRST_BYTE),
                ("count while typing", "/audience/count", audience, COUNT),
                ("sample while typing", "/audience/sample", audience, FIRST_BYTE),
            ):
                waited = median(first_byte(http, path, form) for _ in range(ROUNDS + 1))
                yield Figure(f"{name}, {installations:,}", waited, promised, 1.0)


def signed_in(http: httpx.Client, key: str) -> str:
    """Sign in, and return the token of the session's forms."""
    token = token_in(http.get("/sign-in"))
    http.post("/sign-in", data={"csrf": token, "name": "mia", "key": key})
    return token_in(http.get("/"))


def token_in(page: httpx.Response) -> str:
    """Return the token of the forms of a page."""
    found = TOKEN.search(page.text)
    assert found
    return found[1]


def first_byte(http: httpx.Client, path: str, form: Mapping[str, str] | None) -> float:
    """Return the seconds until the first byte of a response."""
    start = perf_counter()
    with http.stream("GET" if form is None else "POST", path, data=form) as response:
        spent = perf_counter() - start
        response.read()
    assert response.status_code in {200, 303}, response.text
    return spent
