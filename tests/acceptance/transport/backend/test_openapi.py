"""Requests made up from OpenAPI: nothing fails, nothing undocumented, nothing without right."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.acceptance.transport.conftest import World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
OPEN = ("/v1/health", "/v1/ready")
SLOW_OR_PICKY = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
CALLERS = ("admin", "mobile", "nobody")
NAMES = ("installation", "registration", "person")


def credential(world: World, caller: str) -> dict[str, str]:
    """Return what a caller of the application ``bank`` shows."""
    if caller == "admin":
        return {"Authorization": f"App {world.keys['bank', 'admin']}", "AppCode": "bank"}
    return {"Authorization": "App bank"} if caller == "mobile" else {}


def aim(case: Any, known: dict[str, str]) -> None:  # noqa: ANN401 # schemathesis' own type
    """Have a request name what there is, where it names anything."""
    places = (case.path_parameters, case.body if isinstance(case.body, dict) else None)
    for place in places:
        for name in NAMES:
            if place and name in place:
                place[name] = known[name]


def test_no_caller_breaks_it_or_reaches_what_is_anothers(
    world: World, pytestconfig: pytest.Config
) -> None:
    """Each request is made up once, which takes longer than to send it, and sent by all callers."""
    device = world.register("shop")
    world.login(device, "aimed-at")
    person = world.history.who(device)
    assert person is not None
    known = {"installation": device, "registration": device, "person": person}
    topics = world.topics(device)
    schema = schemathesis.openapi.from_url(f"{world.served.url}/openapi.json")
    schema.config.generation.codec = None  # all of Unicode, as test_wrong_values has it
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    cases = int(pytestconfig.getoption("--http-cases") or 0)
    each = -(-cases // (len(CALLERS) * len(operations)))
    credentials = {caller: credential(world, caller) for caller in CALLERS}
    answered: Counter[str] = Counter()

    for operation in operations:
        modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
        strategies = [operation.as_strategy(generation_mode=mode) for mode in modes]

        @settings(
            max_examples=each,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=SLOW_OR_PICKY,
        )
        @given(case=st.one_of(strategies), aimed=st.booleans())
        def ask(case: Any, aimed: bool) -> None:  # noqa: ANN401 # schemathesis' own type; hypothesis gives it
            if aimed:
                aim(case, known)
            for name in ("Authorization", "AppCode"):
                case.headers.pop(name, None)
            path = case.operation.path
            for caller, shown in credentials.items():
                before = world.store.last()
                response = case.call(headers=shown)
                case.validate_response(response, checks=CHECKS)
                answered[caller] += 1
                assert "aimed-at" not in response.text
                may = caller == "admin" or (caller == "mobile" and path.startswith("/mobile"))
                if not may and path not in OPEN:
                    assert response.status_code >= 400, path
                assert caller != "nobody" or world.store.last() == before

        ask()

    assert min(answered.values()) >= cases / len(CALLERS) * 0.9
    assert world.topics(device) == topics
