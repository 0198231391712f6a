"""Errors of merges and erasures (R50, R52)."""

from __future__ import annotations

from typing import Literal

from .base import AddresseeError, Conflict

MergeRefusal = Literal["same_person", "external_ids", "other_applications", "erased"]
"""Why a merge is refused, or taking it back: the two are seen as one person already; each has an
external id; the caller is confined to an application, and another one has met one of them; or one
of them is erased: there is nothing left that could be seen. Only the second can be forced."""
PROBLEMS = {
    "same_person": "they are one person already",
    "external_ids": "each has an external id",
    "other_applications": "another application has met one of them",
    "erased": "one of them is erased, or is about to be",
}


class MergeRefused(AddresseeError):
    """Two persons are not merged.

    Args:
        reason: why; with ``external_ids`` it can be forced.
    """

    code = "MERGE_REFUSED"

    def __init__(self, reason: MergeRefusal) -> None:
        super().__init__(f"the persons can't be merged or unmerged: {PROBLEMS[reason]}")
        self.reason = reason


class ErasureRefused(AddresseeError):
    """The caller is confined to an application, and others have met the person who is to go."""

    code = "ERASURE_REFUSED"

    def __init__(self) -> None:
        super().__init__("another application has met the person; erase without an application")


class MergeOutdated(Conflict):
    """A person has changed since the merge was previewed; preview it again.

    Args:
        stream: the stream of the survivor.
        version: of that stream now.
    """

    code = "MERGE_OUTDATED"

    def __init__(self, stream: str, version: int) -> None:
        problem = "a person has changed since the preview; preview the merge again"
        super().__init__(stream, version, version, problem)


class UnknownMerge(AddresseeError):
    """No merge has that id, or it was taken back already."""

    code = "UNKNOWN_MERGE"

    def __init__(self, merge: str) -> None:
        super().__init__(f"merge {merge} does not exist")
        self.merge = merge
