"""docs/errors.md lists every error with its code and the status that it gets over HTTP."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from addressee.adapters.http.app import ROUTE_CODES
from addressee.adapters.http.messages.error_responses import refusal_of
from addressee.domain import AddresseeError

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "errors.md").read_text()


def classes(root: type[AddresseeError] = AddresseeError) -> Iterator[type[AddresseeError]]:
    """Yield every error class of the library below one."""
    for error in root.__subclasses__():
        if error.__module__.startswith("addressee."):
            yield error
            yield from classes(error)


def status_of(error: type[AddresseeError]) -> int:
    # Its arguments do not matter for the status.
    return refusal_of(error.__new__(error)).status


def test_every_error_has_its_code_and_status() -> None:
    listed = re.findall(r"^\| `(\w+)` \| `(\w+)` \| .+ \| (\d{3}) \|$", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(
        (error.code, error.__name__, str(status_of(error))) for error in classes()
    )


def raised_over_http() -> Iterator[str]:
    """Yield the codes that the HTTP transport writes itself."""
    for path in (ROOT / "adapters" / "http").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="Refused"), args=[_, ast.Constant(str(code)), *_]):
                    yield code
                case _:
                    pass


def test_every_further_code_of_the_http_transport_is_listed() -> None:
    of_errors = {error.code for error in classes()}
    further = set(re.findall(r"^\| `(\w+)` \| [^|`]+.* \| \d{3} \|$", PAGE, re.MULTILINE))
    assert further == {*raised_over_http(), *ROUTE_CODES.values()} - of_errors
