"""What is built is what stands in the folders, under `addressee`, and nothing else."""

import ast
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "application", "adapters")
MAY_BE_BARE = re.compile(
    rf"^\s*(?:from|import)\b.*?(?<![\w.])(?:{'|'.join(LAYERS)})\b", re.MULTILINE
)
"""Lines of such imports, and some others; each name of an import has a line of its own."""


def build(project: Path, kind: str, into: Path) -> Path:
    """Build without the network, by the backend that pip would call."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(into)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = into.iterdir()
    return built


def packaged(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def in_folders() -> set[str]:
    return {
        f"addressee/{path.relative_to(ROOT).as_posix()}"
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_three_layers_and_nothing_else(wheel: Path) -> None:
    assert packaged(wheel) == in_folders()


def test_the_wheel_is_typed_and_leaves_the_namespace_open(wheel: Path) -> None:
    names = packaged(wheel)
    assert {f"addressee/{layer}/py.typed" for layer in LAYERS} <= names
    assert {f"addressee/{layer}/__init__.py" for layer in LAYERS} <= names
    assert "addressee/__init__.py" not in names


def test_the_wheel_brings_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (entry_points,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
        assert "addressee = addressee.adapters.cli:main" in archive.read(entry_points).decode()


def test_a_wheel_from_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    sdist = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        # An attribute, since Python before 3.11.4 knows no such argument (docs of tarfile).
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path / "unpacked")  # noqa: S202 # our own archive
    (project,) = (tmp_path / "unpacked").iterdir()
    assert (project / "tests" / "integration" / Path(__file__).name).is_file()
    assert packaged(build(project, "wheel", tmp_path / "again")) == packaged(wheel)


def imported(source: Path) -> Iterator[str]:
    """Name every module that a file imports absolutely."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module


def test_nobody_imports_a_layer_by_its_bare_name() -> None:
    # It would work in this checkout, where the root is on the path, and nowhere else.
    bare = [
        f"{source.relative_to(ROOT)} imports {name}"
        for folder in (*LAYERS, "tests")
        for source in (ROOT / folder).rglob("*.py")
        if MAY_BE_BARE.search(source.read_text(encoding="utf-8"))  # to parse all takes seconds
        for name in imported(source)
        if name.partition(".")[0] in LAYERS
    ]
    assert bare == []
