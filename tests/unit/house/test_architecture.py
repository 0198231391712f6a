"""The picture of docs/architecture.md shows the real imports."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[3]
LAYERS = ("adapters", "application", "domain")
FOLDED = ("adapters/", "application/", "domain/", "adapters/sql/")
"""Folders whose own folders the picture shows."""

Arrow = tuple[str, str]


def drawn() -> set[Arrow]:
    """Return the arrows of the picture."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    [picture] = re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL)
    return {
        (source, target)
        for source, targets in re.findall(r"^\s*(\S+) --> (.+)$", picture, re.MULTILINE)
        for target in targets.split(" & ")
    }


@cache
def imported() -> AbstractSet[Arrow]:
    """Return the imports between modules, as paths below the root without suffix."""
    graph = grimp.build_graph(*(f"addressee.{layer}" for layer in LAYERS))
    return {
        (path_of(importer), path_of(found))
        for importer in graph.modules
        for found in graph.find_modules_directly_imported_by(importer)
    }


def path_of(module: str) -> str:
    path = module.removeprefix("addressee.").replace(".", "/")
    return f"{path}/__init__" if (ROOT / path).is_dir() else path


def box(module: str, folder: str) -> str | None:
    """Return the box of a module among those of a folder; None for a package's face."""
    first, _, rest = module.removeprefix(folder).partition("/")
    if not module.startswith(folder) or first == "__init__":
        return None
    if rest:
        return folder + first
    # Files at the root of the adapters are former names of folders.
    return None if folder == "adapters/" else f"{folder}*.py"


def between_boxes() -> set[Arrow]:
    """Return the imports between boxes of one folder, and between the layers."""
    arrows: set[Arrow] = set()
    for importer, found in imported():
        for folder in FOLDED:
            source, target = box(importer, folder), box(found, folder)
            if source and target:
                arrows.add((source, target))
        arrows.add((importer.partition("/")[0], found.partition("/")[0]))
    return {(source, target) for source, target in arrows if source != target}


def reachable(arrows: Iterable[Arrow]) -> Mapping[str, AbstractSet[str]]:
    """Return box → all that its arrows lead to."""
    following: dict[str, set[str]] = defaultdict(set)
    for source, target in arrows:
        following[source].add(target)
    reached: dict[str, set[str]] = defaultdict(set)
    for start in [*following]:
        waiting = [start]
        while waiting:
            new = following.get(waiting.pop(), set()) - reached[start]
            reached[start] |= new
            waiting += new
    return reached


def test_every_arrow_is_an_import() -> None:
    assert drawn() - between_boxes() == set()


def test_every_import_follows_from_the_arrows() -> None:
    reached = reachable(drawn())
    assert {arrow for arrow in between_boxes() if arrow[1] not in reached.get(arrow[0], set())} == (
        set()
    )


def test_no_arrow_follows_from_the_others() -> None:
    arrows = drawn()
    assert [
        arrow for arrow in arrows if arrow[1] in reachable(arrows - {arrow}).get(arrow[0], set())
    ] == []


def test_every_folder_has_a_box() -> None:
    boxes = {name for arrow in drawn() for name in arrow}
    folders = {
        f"{folder}{path.name}"
        for folder in FOLDED
        for path in (ROOT / folder).iterdir()
        if (path / "__init__.py").exists()
    }
    assert folders - boxes == set()
