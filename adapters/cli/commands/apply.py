"""`addressee apply`: runs the lines of a file in batches and reports each line's outcome."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import typer

from addressee.adapters.imports import Line, Request, Requests, read_lines
from addressee.application import Outcome, Personalization, Store, bulk
from addressee.domain import AddresseeError, InvalidValue

from ..terminal.files import opened
from ..terminal.output import one_line
from ..terminal.progress import BYTES, long_work

BATCH = 500
"""Lines per transaction."""

Done = tuple[int, str, Outcome | None]
"""Line number, command, and outcome; the outcome is None for a line that only reads."""


class Summary:
    """Counts outcomes, prints each refusal, and writes the report.

    Args:
        report: takes every outcome as a JSON line, if given.
    """

    def __init__(self, report: IO[str] | None) -> None:
        self.refused = 0
        self._counts: Counter[tuple[str, str]] = Counter()
        self._report = report

    def add(self, done: list[Done]) -> None:
        """Count the lines of a batch, then tell of each; the batch is committed."""
        rows = [row_of(each) for each in done]
        # All of them first: to tell may fail, and the summary is to say what was committed.
        for row in rows:
            refused = row["outcome"] == "refused"
            self.refused += refused
            key = ("refused", row["error"]) if refused else (row["command"], row["outcome"])
            self._counts[key] += 1
        for row in rows:
            if row["outcome"] == "refused":
                # Not by rich: it would take most of the time where many lines are refused.
                refusal = f"line {row['line']}: {row['error']}: {one_line(row['message'])}"
                typer.echo(refusal, err=True)
            if self._report is not None:
                self._report.write(json.dumps(row) + "\n")

    def finish(self) -> None:
        """Say so if the file had no lines; call it at the file's end."""
        if not self._counts:
            typer.echo("nothing to apply: the file has no lines")

    def show(self) -> None:
        """Print the number of each outcome."""
        for (command, outcome), number in sorted(self._counts.items()):
            typer.echo(f"{number:>9,}  {command} {outcome}")


def row_of(done: Done) -> dict[str, Any]:
    """Return a line's outcome as the report has it."""
    line, name, outcome = done
    row: dict[str, Any] = {"line": line, "command": name}
    if isinstance(outcome, AddresseeError):
        return row | {"outcome": "refused", "error": outcome.code, "message": str(outcome)}
    return row | ({"outcome": "read"} if outcome is None else asdict(outcome))


def apply_file(
    open_store: Callable[[], AbstractContextManager[Store]], file: IO[bytes], report: Path | None
) -> int:
    """Apply a file's lines in order and print a summary.

    Args:
        open_store: opens the store, once the file has turned out to be readable.
        file: the lines.
        report: a file for the outcomes, if wanted.

    Returns:
        How many lines were refused.

    Raises:
        InvalidValue: the report can't be opened, or is the input file; or the input is not text.
            Batches that were applied before stay applied, and the summary counts them.
    """
    refuse_same(file, report)
    requests = Requests(lambda: str(uuid4()))
    with ExitStack() as stack:
        written = None if report is None else stack.enter_context(opened(report, "w"))
        lines = read_lines(file)
        batch = list(islice(lines, BATCH))  # before the store: a bad file leaves no new store
        people = Personalization(stack.enter_context(open_store()))
        summary = Summary(written)
        stack.callback(summary.show)
        size = os.fstat(file.fileno()).st_size
        advance = stack.enter_context(long_work("applying", BYTES))
        while batch:
            with interrupted_afterwards():
                summary.add(list(apply_lines(people, requests, batch)))
            advance(batch[-1].end, size)
            batch = list(islice(lines, BATCH))
        summary.finish()
    return summary.refused


def apply_lines(people: Personalization, requests: Requests, lines: list[Line]) -> Iterator[Done]:
    """Apply some lines in one transaction and yield the outcome of each."""
    read = [(line.number, request_of(requests, line)) for line in lines]
    calls = [r.call for _, r in read if isinstance(r, Request) and r.call is not None]
    outcomes = iter(bulk(people, calls))
    for number, request in read:
        if isinstance(request, AddresseeError):
            yield number, "line", request
        else:
            yield number, request.name, None if request.call is None else next(outcomes)


def request_of(requests: Requests, line: Line) -> Request | AddresseeError:
    """Return a line's request, or the error that refuses it."""
    if isinstance(line.content, AddresseeError):
        return line.content
    try:
        return requests.request(line.content)
    except AddresseeError as refusal:
        return refusal


@contextmanager
def interrupted_afterwards() -> Generator[None]:
    """Hold Ctrl-C back until the block ends, so that a commit is always counted.

    A second Ctrl-C is not held back: the database may be slow to answer.
    """
    held: list[int] = []

    def hold(number: int, _: object) -> None:
        held.append(number)
        signal.signal(number, before)

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


def refuse_same(file: IO[bytes], report: Path | None) -> None:
    """Raise InvalidValue if writing the report would empty the input file."""
    if report is None or not report.exists():
        return
    if os.path.samestat(os.fstat(file.fileno()), report.stat()):
        raise InvalidValue("report", "is the file that is to be applied")
