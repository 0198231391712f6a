"""Events of persons that are merged, and of merges that are taken back (R52)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..values import FrozenDict
from .base import PERSONAL, PersonEvent, stream_of

MergePolicy = Literal["survivor_first"]
"""How two persons become one: of two values the survivor's is seen, and gaps are filled from the
merged person; identifiers, tags and installations are joined; of two primary installations of an
application the survivor's stays."""


class MergeEvent(PersonEvent):
    """An event of two persons, recorded on the streams of both; the survivor's copy counts.

    Args:
        merge: the id of the merge.
        survivor: the person as whom both are seen.
        merged: the other person.
    """

    merge: str
    survivor: str
    merged: str

    @property
    def at_home(self) -> bool:
        """Whether this copy stands on the survivor's stream."""
        return self.originator_id == stream_of(self.HOME, self.survivor)


class PersonsMerged(MergeEvent):
    """Two persons count as one from here on; nothing of either is moved or deleted.

    Args:
        policy: how their data is seen.
        primaries: application → installation of the merged person that lost its flag (R23).
        forced: why they were merged although that is refused by default, if so.
    """

    TOPIC = "addressee.PersonsMerged"

    policy: MergePolicy
    primaries: Annotated[dict[str, str], AfterValidator(FrozenDict)] = Field(
        default_factory=FrozenDict
    )
    forced: Annotated[str | None, PERSONAL] = None


class PersonsUnmerged(MergeEvent):
    """A merge was taken back; the two are seen as two persons again."""

    TOPIC = "addressee.PersonsUnmerged"


class MergedPersonChanged(PersonEvent):
    """Something was recorded of a person who is merged into this one.

    It has every command on merged persons write to the survivor's stream, so that two at a time
    collide: what both are seen as depends on all of them.

    Args:
        changed: the id of the person whose stream says what happened.
    """

    TOPIC = "addressee.MergedPersonChanged"

    changed: str
