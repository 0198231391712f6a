"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--http-cases",
        type=int,
        default=600,
        help="how many requests are made up from OpenAPI, for all callers together",
    )
    parser.addoption(
        "--http-seconds",
        type=float,
        default=6.0,
        help="how long logins and logouts go on while the server is killed",
    )
