"""A store on a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest

from addressee.adapters.sql import SqlStore


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """Return the URL of a database for one test: a forger takes the triggers away."""
    return new_url()


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url) as store:
        yield store
