"""What the index must forget of its past when a person or an installation is erased (R50)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pyroaring import BitMap
from sqlalchemy import Connection

from addressee.application import View
from addressee.domain import (
    DevicePersonalized,
    ErasureRequested,
    Installation,
    Person,
    PersonErased,
    PersonsMerged,
)
from addressee.domain.events import (
    InstallationErased,
    InstallationErasureRequested,
    category_of,
    name_in,
)

from ..audience_index.index_statements import Index
from ..audience_index.postings_writer import forget

ERASURE = frozenset(
    event.TOPIC
    for event in (ErasureRequested, PersonErased, InstallationErasureRequested, InstallationErased)
)


class Concerned(NamedTuple):
    """What an erasure concerns.

    Args:
        installations: all that may have had terms by the data that is erased.
        positions: of the events by which they came and went.
    """

    installations: frozenset[str]
    positions: frozenset[int]


def erased_by(recorded: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the streams on which events, given by stream and topic, begin or end an erasure."""
    return frozenset(stream for stream, topic in recorded if topic in ERASURE)


def concerned_by(view: View, erased: Iterable[str]) -> Concerned:
    """Return what the erasure of some streams, of persons and of installations, concerns.

    Who was ever merged with the persons has shown their data too.
    """
    names, left, devices = set[str](), set[str](), set[str]()
    for stream in erased:
        (left if category_of(stream) == Person.CATEGORY else devices).add(name_in(stream))
    positions = set[int]()
    while left:
        names |= left
        found = view.streams({Person(name).id: 0 for name in left})
        recorded = [each for stream in found.values() for each in stream]
        positions.update(position for position, _ in recorded)
        devices |= {e.installation for _, e in recorded if isinstance(e, DevicePersonalized)}
        merges = [event for _, event in recorded if isinstance(event, PersonsMerged)]
        left = {name for merge in merges for name in (merge.survivor, merge.merged)} - names
    found = view.streams({Installation(name).id: 0 for name in devices})
    positions.update(position for stream in found.values() for position, _ in stream)
    return Concerned(frozenset(devices), frozenset(positions))


def forget_erased(view: View, connection: Connection, index: Index, erased: Iterable[str]) -> None:
    """Have the index forget what erased data once led to, if there is any.

    Args:
        view: of the same transaction.
        connection: with its transaction begun.
        index: statements on the index' tables.
        erased: streams of what is erased.
    """
    if streams := frozenset(erased):
        installations, positions = concerned_by(view, streams)
        ordinals = BitMap(view.ordinals(None, installations).values())
        forget(connection, index, ordinals, positions)
