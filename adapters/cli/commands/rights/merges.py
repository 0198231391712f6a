"""`addressee merge` and `addressee unmerge`: two persons become one, or two again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from addressee.application import MergePreview, Personalization, PersonState
from addressee.domain import InvalidValue

from ...options.store_option import DEFAULT_STORE, Store, existing_store
from ...terminal.operator import operator
from ...terminal.output import show_json

Digest = Annotated[
    str | None, typer.Option(help="The digest of a preview: refuse if anything changed since.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]


def merge(  # noqa: PLR0913, PLR0917 # arguments and options of a command line
    survivor: Annotated[str, typer.Argument(help="Id of the person as whom both are seen.")],
    merged: Annotated[str, typer.Argument(help="Id of the other person.")],
    store: Store = DEFAULT_STORE,
    digest: Digest = None,
    force: Annotated[
        str | None, typer.Option(help="Why they are merged although each has an external id.")
    ] = None,
    dry_run: DryRun = False,  # noqa: FBT002 # a flag
) -> None:
    """Have two persons count as one, of which nothing is moved or deleted; print JSON.

    Preview it first: --dry-run shows both persons, what they are seen as then, where their data
    differs, what audiences gain and lose, and the digest, with which the merge is given.

        addressee merge SURVIVOR MERGED --dry-run --store sqlite:///day.db

        addressee merge SURVIVOR MERGED --digest DIGEST --store sqlite:///day.db
    """
    with existing_store(store) as ledger:
        people = Personalization(ledger)
        if dry_run:
            show_json(shown(people.preview_merge(survivor, merged)))
            return
        if digest is None:
            raise InvalidValue("--digest", "is missing: --dry-run shows it")
        show_json(
            asdict(people.merge(survivor, merged, digest=digest, force=force, actor=operator()))
        )


def unmerge(
    merge_id: Annotated[
        str, typer.Argument(help="The id that the merge printed.", metavar="MERGE")
    ],
    store: Store = DEFAULT_STORE,
    digest: Digest = None,
    dry_run: DryRun = False,  # noqa: FBT002 # a flag
) -> None:
    """Take a merge back: both persons are as their own histories say; print JSON.

    --dry-run shows both, and what was recorded on the survivor since and stays there.

        addressee unmerge MERGE --dry-run --store sqlite:///day.db
    """
    with existing_store(store) as ledger:
        people = Personalization(ledger)
        if dry_run:
            show_json(shown(people.preview_unmerge(merge_id)))
            return
        show_json(asdict(people.unmerge(merge_id, digest=digest, actor=operator())))


def shown(preview: MergePreview) -> dict[str, Any]:
    """Return a preview as JSON."""
    return {
        "before": [person_fields(state) for state in preview.before],
        "after": [person_fields(state) for state in preview.after],
        "conflicts": dict(preview.conflicts),
        "refusal": preview.refusal,
        "kept": preview.kept,
        "primary_moves": [asdict(move) for move in preview.primary_moves],
        "audiences": [asdict(change) for change in preview.audiences],
        "digest": preview.digest,
    }


def person_fields(state: PersonState) -> dict[str, Any]:
    """Return a person as JSON."""
    return {
        "person": state.name,
        "merged": state.merged,
        "type": state.type,
        "identifiers": [{"kind": kind, "value": value} for kind, value in state.identifiers],
        "attributes": dict(state.attributes),
        "tags": sorted(state.tags),
        "installations": dict(state.devices),
        "primaries": dict(state.primaries),
    }
