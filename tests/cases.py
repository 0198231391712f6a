"""Cases of a test that are spread over stores by default: with --long each runs on each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import pytest

AT_ONCE = 3
"""Of so many cases that follow one another, a store runs one."""


def spread(items: Iterable[pytest.Item], fixture: str, stores: Sequence[str]) -> None:
    """Leave out by default most cases that tests have besides the store.

    Each store still runs at least one case, and of the stores together each case runs on some.

    Args:
        items: the tests of all folders.
        fixture: the one whose parameter is the name of a store.
        stores: those that run a few; others run all.
    """
    cases: dict[tuple[str, str], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            named = item.callspec.params
            store = str(named.get(fixture))
            if len(named) > 1 and store in stores:
                cases[item.nodeid.partition("[")[0], store].append(item)
    for (_, store), found in cases.items():
        every = min(AT_ONCE, len(found), len(stores))
        for number, item in enumerate(found):
            if number % every != stores.index(store) % every:
                item.add_marker(pytest.mark.only_long)
