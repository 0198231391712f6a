"""`addressee seal`: seal the ledger, and check it against seals that are stored elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from addressee.adapters.imports import read_lines
from addressee.adapters.sql import SqlStore
from addressee.application import Seal, lost_anchors
from addressee.application.ledger.seal_check import fingerprints
from addressee.domain import InvalidValue, key_fingerprint

from ..options.store_option import DEFAULT_STORE, Store, existing_store
from ..terminal.files import opened
from ..terminal.output import Form, show_json, show_table
from ..terminal.progress import long_work

HEADINGS = ("seal", "first", "last", "events", "digest", "made at", "key")
DIGEST_BYTES = 32


class Head(NamedTuple):
    """A stored seal: the last position that it covers, the digest, and which key it was."""

    last: int
    digest: bytes
    key_fingerprint: str | None = None


def seal(
    store: Store = DEFAULT_STORE,
    *,
    form: Annotated[
        Form, typer.Option("--format", help="How to print the newest seal.")
    ] = Form.table,
    check: Annotated[
        Path | None,
        typer.Option(help="Seal nothing; check the ledger against the seals in this file."),
    ] = None,
) -> None:
    """Seal the ledger up to its end, and print the newest seal, which covers everything before it.

    Store the seals where nobody who can write to the database can change them: a later check then
    shows any change to the ledger. Writers do not wait, so a scheduler may run this at any rate.

        addressee seal --format jsonl >> heads.jsonl

        addressee seal --check heads.jsonl

    In a pipe the columns are: seal, first position, last position, events, digest, time,
    fingerprint of the identifier key. Exit status of a check: 0 the ledger matches all seals, 1 it
    does not, 2 it could not be checked.
    """
    with existing_store(store) as ledger:
        if check is not None:
            raise typer.Exit(check_heads(ledger, check))
        last = ledger.last()
        with long_work("sealing") as advance:
            newest = ledger.seal(lambda made: advance(made.last, last))
    if newest is None:
        typer.echo("nothing to seal: the ledger is empty", err=True)
    elif form is Form.jsonl:
        show_json(told(newest))
    else:
        show_table(HEADINGS, [tuple(str(value) for value in told(newest).values())])


def told(made: Seal) -> dict[str, Any]:
    """Return a seal's fields as they are printed."""
    rest = {"digest": made.digest.hex(), "made_at": made.made_at.isoformat()}
    return made._asdict() | rest


def check_heads(ledger: SqlStore, file: Path) -> int:
    """Print the seals of a file that the ledger does not match; return the exit status."""
    with opened(file, "rb") as lines:
        heads = [head_of(line.number, line.content) for line in read_lines(lines)]
    if not heads:
        raise InvalidValue("check", f"{file} holds no seal")
    last = max(head.last for head in heads)
    with long_work("checking") as advance, ledger.auditing() as audit:
        lost = lost_anchors(audit, heads, progress=lambda done: advance(done, last))
        end = audit.last()
        expected = fingerprints(audit, key_fingerprint(ledger.identifier_key))
    for head in lost:
        problem = "up to there is not what was sealed" if head.last <= end else f"ends at {end}"
        typer.echo(f"position {head.last}: the ledger {problem}")
    wrong_key = any(head.key_fingerprint not in {None, expected(head.last)} for head in heads)
    if wrong_key:
        typer.echo("the identifier key is not the one that was sealed")
    if not lost and not wrong_key:
        typer.echo(f"the ledger holds to all {len(heads):,} seals")
    return int(bool(lost) or wrong_key)


def head_of(line: int, content: dict[str, Any] | InvalidValue) -> Head:
    """Return the seal on a line; raises InvalidValue."""
    if isinstance(content, InvalidValue):
        raise InvalidValue(f"check line {line}:", str(content))
    last, digest = content.get("last"), content.get("digest")
    key = content.get("key_fingerprint")
    try:
        head = Head(int(str(last)), bytes.fromhex(str(digest)), None if key is None else str(key))
    except ValueError:
        head = Head(0, b"")
    if head.last < 1 or len(head.digest) != DIGEST_BYTES:
        raise InvalidValue(f"check line {line}:", "is no seal: it has no last and digest")
    return head
