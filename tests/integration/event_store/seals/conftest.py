"""A store whose tables a forger may change."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from addressee.adapters.sql import SqlStore


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url) as store:
        yield store
