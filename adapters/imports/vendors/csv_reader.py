"""A CSV reader whose cells may be as long as a line; Python's allows them 131,072 characters.

That limit belongs to the process, and so to the program that uses this library. Python keeps it in
the C module behind `csv`, of which this is an instance of our own with a limit of its own.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

from ..line_reader import LINE_LIMIT


def own_instance(name: str) -> Any:  # noqa: ANN401 # a module
    """Return a module as if nobody had imported it yet; raises ImportError."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OWN = own_instance("_csv")
OWN.field_size_limit(LINE_LIMIT)
Error: type[Exception] = OWN.Error
"""What reading raises for a line that is no CSV, or has a longer cell."""


def rows_of(lines: Iterator[str]) -> Any:  # noqa: ANN401 # what csv.reader returns
    """Return a strict `csv.reader` of lines."""
    return OWN.reader(lines, strict=True)
