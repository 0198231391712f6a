"""Which stores a test runs on by default; by --every-case it runs on each, in each of its cases."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import pytest

SERVERS = ("postgresql", "mariadb")
DATABASES = {
    f"{before}{name}": database
    for database in ("sqlite", "postgresql", "mariadb")
    for name in {database, database.removesuffix("ql")}
    for before in ("", "lent_")
}
"""The names of fixtures and of their parameters → the database that they mean."""
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
                item.add_marker(pytest.mark.every_case)


def take_turns(items: Iterable[pytest.Item], chosen: str) -> None:
    """Have each test of several databases, in which nothing else varies, run on one by default.

    Its name says on which, so a third of these tests runs on each. A case that is left out has no
    turn, for then none would run.

    Args:
        items: the tests of all folders.
        chosen: the expressions that choose some of them; a database has no turn with `not mariadb`.
    """
    databases: dict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            values = [*item.callspec.params.values()]
            if len(values) == 1 and isinstance(values[0], str) and values[0] in DATABASES:
                database = DATABASES[values[0]]
                absent = f"not {database.removesuffix('ql')}" in chosen
                if not absent and item.get_closest_marker("every_case") is None:
                    databases[function(item)][database] = item
    for name, on in databases.items():
        del on[sorted(on)[zlib.crc32(name.encode()) % len(on)]]
        for other in on.values():
            other.add_marker(pytest.mark.every_case)


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
