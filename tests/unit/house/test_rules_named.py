"""No rule loses its tests silently, and docs/rules.md lists every rule with its tests."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
PAGE = TESTS.parent / "docs" / "rules.md"
RULES = {f"R{n}" for n in range(1, 43)}


@pytest.fixture(scope="module")
def tested() -> Mapping[str, AbstractSet[Path]]:
    """Return rule → files with a test that names it."""
    files: dict[str, set[Path]] = defaultdict(set)
    for path in TESTS.rglob("test_*.py"):
        for name in re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE):
            for rule in re.findall(r"R\d+", name):
                files[rule].add(path)
    return files


@pytest.fixture(scope="module")
def listed() -> list[tuple[str, str]]:
    """Return the rules of the page in its order, each with its column of tests."""
    return re.findall(r"^\| (R\d+) \| .+ \| (.+) \|$", PAGE.read_text(), re.MULTILINE)


def test_every_rule_is_named_by_a_test(tested: Mapping[str, AbstractSet[Path]]) -> None:
    assert RULES - tested.keys() == set()


def test_the_page_lists_every_rule_once_and_in_order(
    listed: list[tuple[str, str]], tested: Mapping[str, AbstractSet[Path]]
) -> None:
    rules = [rule for rule, _ in listed]
    assert rules == [f"R{n}" for n in range(1, len(rules) + 1)]
    assert tested.keys() <= set(rules)


def test_the_page_says_not_yet_of_the_rules_without_a_test(
    listed: list[tuple[str, str]], tested: Mapping[str, AbstractSet[Path]]
) -> None:
    not_yet = {rule for rule, column in listed if column == "*not yet*"}
    assert not_yet == {rule for rule, _ in listed if rule not in tested}


def test_the_page_names_files_that_test_the_rule(
    listed: list[tuple[str, str]], tested: Mapping[str, AbstractSet[Path]]
) -> None:
    for rule, column in listed:
        linked = {(PAGE.parent / link).resolve() for link in re.findall(r"\]\((.+?)\)", column)}
        assert linked <= tested.get(rule, set()), rule
        assert linked or column == "*not yet*", rule
