"""Which stores a test runs on by default; with --long it runs on each, with each of its cases."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

import pytest

SERVERS = ("postgresql", "mariadb")
AT_ONCE = 4
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
    for test, store, alone in on_stores(items, fixture):
        if store in stores and not alone:
            cases[function(test), store].append(test)
    for (_, store), found in cases.items():
        every = min(AT_ONCE, len(found), len(stores))
        for number, item in enumerate(found):
            if number % every != stores.index(store) % every:
                item.add_marker(pytest.mark.only_long)


def take_turns(items: Iterable[pytest.Item], fixture: str, places: Collection[str]) -> None:
    """Have the tests of some folders and files run on one server each by default.

    A name alone says which, so that it is the same one when a test is run by itself.

    Args:
        items: the tests of all folders.
        fixture: the one whose parameter is the name of a store.
        places: names of the folders and files, without an ending.
    """
    for test, store, alone in on_stores(items, fixture):
        here = {*test.path.parts, test.path.stem}
        if store not in SERVERS or not alone or here.isdisjoint(places):
            continue
        if zlib.crc32(function(test).encode()) % len(SERVERS) != SERVERS.index(store):
            test.add_marker(pytest.mark.only_long)


def on_stores(
    items: Iterable[pytest.Item], fixture: str
) -> Iterator[tuple[pytest.Function, str, bool]]:
    """Yield tests of several stores, each with its own, and whether nothing else varies."""
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            named = item.callspec.params
            if fixture in named:
                yield item, str(named[fixture]), len(named) == 1


def function(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]
