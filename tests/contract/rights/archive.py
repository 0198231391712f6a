"""An export as its reader sees it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any
from zipfile import ZipFile


class Archive:
    """The files of a ZIP, by name."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        with ZipFile(io.BytesIO(b"".join(parts))) as file:
            assert file.testzip() is None
            self.files = {name: file.read(name) for name in file.namelist()}

    @property
    def person(self) -> dict[str, Any]:
        return self.json("person.json")

    @property
    def manifest(self) -> dict[str, Any]:
        return self.json("manifest.json")

    @property
    def timeline(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files["timeline.ndjson"].splitlines()]

    def json(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.files[name])
        return content

    def holding(self, value: str) -> set[str]:
        """Return the files in whose bytes a value is, in any case."""
        return {n for n, content in self.files.items() if value.lower() in content.decode().lower()}
