"""No rule loses its tests silently: each is named by one at least."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
RULES = {f"R{n}" for n in range(1, 38)}


def test_every_rule_is_named_by_a_test() -> None:
    named: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                named.update(re.findall(r"R\d+", node.name))
    assert RULES - named == set()
