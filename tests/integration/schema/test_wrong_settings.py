"""Whatever a host configures on a database, only typed errors come back, and never damage (N6)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addressee.adapters.memory import MemoryApplications
from addressee.adapters.sql import ProjectionRunner, Rebuild, SqlStore
from addressee.application import Applications, Notifier, issue_key, recognized
from addressee.domain import AddresseeError, MobileApp, StoreDamaged
from tests.contract.commands.test_wrong_values import JUNK
from tests.integration.engine.test_one_connection import Nothing

SHOP = MobileApp(code="shop")
SETTINGS: dict[Callable[..., object], tuple[str, ...]] = {
    SqlStore: (
        "target", "prefix", "schema", "indexed_attributes", "identifier_key", "statement_timeout",
    ),
    Rebuild: ("only", "page", "lease"),
    ProjectionRunner: ("page", "poll", "lease"),
    Notifier: ("rates", "batch", "lease"),
}  # fmt: skip
GIVEN: dict[Callable[..., object], Callable[[str, SqlStore], dict[str, Any]]] = {
    SqlStore: lambda url, _: {"target": url, "create": False},
    Rebuild: lambda _, store: {"store": store},
    ProjectionRunner: lambda _, store: {"store": store, "projection": Nothing()},
    Notifier: lambda _, store: {"store": store, "transports": {}},
}
"""What each needs beside the setting that is tried."""


def typed(call: Callable[[], object]) -> None:
    """Make a call, which may refuse what it was given."""
    try:
        made = call()
    except StoreDamaged:
        raise
    except AddresseeError as error:
        str(error).encode()
    else:
        if isinstance(made, SqlStore):
            made.close()


def test_wrong_settings_give_typed_errors(
    new_url: Callable[[], str], *, short: bool, long: bool
) -> None:
    url = new_url()
    with SqlStore(url) as store:
        stores: list[Applications] = [store.applications, MemoryApplications(SHOP)]
        store.applications.put(SHOP)
        issue_key(store.applications, "shop", "admin")

        @settings(
            max_examples=20 if short else 500 if long else 50,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(st.data())
        def wrong(data: st.DataObject) -> None:
            junk = data.draw(JUNK)
            for face, names in SETTINGS.items():
                name = data.draw(st.sampled_from(names))
                typed(partial(face, **{**GIVEN[face](url, store), name: junk}))
            for applications in stores:
                for call in (
                    applications.get, applications.put, applications.key, applications.keys,
                    applications.remove_key, partial(applications.put_key, alone=True),
                    partial(issue_key, applications, scope="admin"),
                    partial(issue_key, applications, "shop"),
                    partial(recognized, applications.key),
                ):  # fmt: skip
                    typed(partial(call, junk))

        wrong()
        assert store.applications.get("shop") == SHOP
        assert len(store.applications.keys("shop")) == 1
