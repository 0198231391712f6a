"""Applying a file: lines in, commands run in bulk, what became of each line out."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import typer
from rich.console import Console

from addressee.adapters.imports import Line, Request, Requests, read_lines
from addressee.application import Outcome, Personalization, Store, bulk
from addressee.domain import AddresseeError, InvalidValue

from ..terminal.output import one_line
from ..terminal.progress import BYTES, long_work

BATCH = 500
"""How many lines are one transaction."""

Done = tuple[int, str, Outcome | None]
"""Line, what it asked for, and what became of it; None for one that only reads."""


class Summary:
    """Counts what happened and tells of each refusal.

    Args:
        report: where every outcome goes as a JSON line, if anywhere.
    """

    def __init__(self, report: IO[str] | None) -> None:
        self.refused = 0
        self._counts: Counter[tuple[str, str]] = Counter()
        self._report = report

    def add(self, done: Done) -> None:
        """Count one line."""
        line, name, outcome = done
        row: dict[str, Any] = {"line": line, "command": name}
        if isinstance(outcome, AddresseeError):
            self.refused += 1
            row |= {"outcome": "refused", "error": outcome.code, "message": str(outcome)}
            self._counts["refused", outcome.code] += 1
            # Not by rich, which would take longer than all the rest where many are refused.
            typer.echo(f"line {line}: {outcome.code}: {one_line(outcome)}", err=True)
        else:
            row |= {"outcome": "read"} if outcome is None else asdict(outcome)
            self._counts[name, row["outcome"]] += 1
        if self._report is not None:
            self._report.write(json.dumps(row) + "\n")

    def finish(self) -> None:
        """Say so if the file was read to its end and held nothing."""
        if not self._counts:
            Console(soft_wrap=True).print("nothing to apply: the file has no lines")

    def show(self) -> None:
        """Print how often each thing happened."""
        console = Console(soft_wrap=True, highlight=False)
        for (what, outcome), number in sorted(self._counts.items()):
            console.print(f"{number:>9,}  {what} {outcome}", markup=False)


def apply_file(store: Store, file: IO[bytes], report: Path | None) -> int:
    """Apply a file's lines in order and print a summary; return how many were refused.

    Raises:
        InvalidValue: the report's file can't be opened, or is the one that is read; or what is
            read is not text. What was applied before that stays applied, and the summary says so.
    """
    refuse_same(file, report)
    people = Personalization(store)
    requests = Requests(lambda: str(uuid4()))
    with ExitStack() as stack:
        written = None if report is None else stack.enter_context(opened(report, "w"))
        summary = Summary(written)
        stack.callback(summary.show)
        size = os.fstat(file.fileno()).st_size
        advance = stack.enter_context(long_work("applying", BYTES))
        lines = read_lines(file)
        while batch := list(islice(lines, BATCH)):
            for done in apply_lines(people, requests, batch):
                summary.add(done)
            advance(batch[-1].end, size)
        summary.finish()
    return summary.refused


def apply_lines(people: Personalization, requests: Requests, lines: list[Line]) -> Iterator[Done]:
    """Apply some lines in one transaction and yield what became of each."""
    read = [(line.number, request_of(requests, line)) for line in lines]
    calls = [r.call for _, r in read if isinstance(r, Request) and r.call is not None]
    outcomes = iter(bulk(people, calls))
    for number, request in read:
        if isinstance(request, AddresseeError):
            yield number, "line", request
        else:
            yield number, request.name, None if request.call is None else next(outcomes)


def request_of(requests: Requests, line: Line) -> Request | AddresseeError:
    """Return what a line asks for, or the error by which it is refused."""
    if isinstance(line.content, AddresseeError):
        return line.content
    try:
        return requests.request(line.content)
    except AddresseeError as refusal:
        return refusal


def refuse_same(file: IO[bytes], report: Path | None) -> None:
    """Raise InvalidValue if writing the report would empty the file that is read."""
    if report is None or not report.exists():
        return
    if os.path.samestat(os.fstat(file.fileno()), report.stat()):
        raise InvalidValue("report", "is the file that is to be applied")


@contextmanager
def opened(path: Path, mode: str) -> Generator[IO[Any]]:
    """Open a file; raises InvalidValue if that can't be done."""
    try:
        file = path.open(mode, encoding=None if "b" in mode else "utf-8")
    except OSError as error:
        raise InvalidValue("file", f"{path} can't be opened: {error.strerror}") from None
    with file:
        yield file
