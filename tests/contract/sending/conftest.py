"""Pushes whose long waits are looked at seldom, since the clock that they wait by is the tests'."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def seldom_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addressee.application.sending.notifier.LOOK", 30.0)
