"""What users install is bounded, and the lowest versions are those that CI tests."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[3]
OURS = {"addressee"}
UNBOUNDED = {"pyarrow", "tzdata"}
"""Those whose next major version is no reason to expect another interface."""
NOT_INSTALLED = {"benchmarks", "dev", "spark", "test"}


def required() -> Iterator[Requirement]:
    """Yield what the library and its extras for users need of other projects."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lists = [project["dependencies"], *(extras[name] for name in extras.keys() - NOT_INSTALLED)]
    for requirement in (Requirement(text) for each in lists for text in each):
        if requirement.name not in OURS:
            yield requirement


def bounds(requirement: Requirement) -> dict[str, str]:
    return {each.operator: each.version for each in requirement.specifier}


def pinned(file: str) -> dict[str, Version]:
    lines = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in lines}


def test_every_dependency_has_a_lowest_and_a_next_version() -> None:
    for requirement in required():
        wanted = {">="} if requirement.name in UNBOUNDED else {">=", "<"}
        assert bounds(requirement).keys() == wanted, str(requirement)


def test_the_lowest_versions_are_those_that_ci_installs() -> None:
    lowest = pinned("lowest.txt")
    for requirement in required():
        floor = Version(bounds(requirement)[">="])
        tried = lowest[canonicalize_name(requirement.name)]
        # The first release of a series may have another number than the bound, such as 3.2.1.
        assert tried.release[: len(floor.release)] == floor.release, str(requirement)


def test_the_pinned_versions_are_within_the_bounds() -> None:
    usual = pinned("constraints.txt")
    for requirement in required():
        version = usual[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), str(requirement)
