"""Persons who have had no installation for long (R54)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from addressee.domain import DeviceDepersonalized, Person, PersonsUnmerged, Retention

from ...ports.records import Recorded
from .ledger_search import Wanted

LEAVING = Wanted(Person.CATEGORY, frozenset({DeviceDepersonalized, PersonsUnmerged}))
"""The events after which a person may have no installation."""


def erasure_times(retentions: Mapping[str, Retention]) -> Mapping[str, timedelta]:
    """Return application → time after which persons are erased, of those that have one."""
    times = {code: kept.erase_after for code, kept in retentions.items()}
    return {code: time for code, time in times.items() if time is not None}


def is_inactive(seen: Person, recorded: Sequence[Recorded], before: Mapping[str, datetime]) -> bool:
    """Whether a person has had no installation for so long as all applications want it.

    Args:
        seen: the person, with all who are seen as one with the person.
        recorded: the events of all of them.
        before: application → the moment since which that must be so, of those that have a time.
    """
    if seen.devices or not seen.met or not seen.met <= before.keys():
        return False
    since = (event.timestamp for _, event in recorded if type(event) in LEAVING.events)
    return max(since) <= min(before[code] for code in seen.met)
