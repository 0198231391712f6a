"""The command line within the process of the tests."""

from __future__ import annotations

import functools

import pytest
import typer.main

CACHED = functools.cache(typer.main.get_command)


@pytest.fixture(autouse=True)
def one_tree_of_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the tree of all commands built once, which takes a tenth of a second for each call."""
    monkeypatch.setattr("typer.main.get_command", CACHED)
