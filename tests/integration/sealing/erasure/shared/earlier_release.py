"""Erasures as earlier releases made them, whose restatements are in ledgers."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

import pytest

from addressee.adapters.serialization import sealing
from addressee.application import Recorded
from addressee.application.ledger.holdings import held_by
from addressee.application.rights import erasure, erasure_commands
from addressee.application.rights.own_events import FACTS, OF_PERSON, Lost
from addressee.domain import Installation, InstallationRestated
from addressee.domain.aggregates.base import Occasion


@contextmanager
def earlier_release() -> Generator[None]:
    """Have all facts restated, as those who hold the installation would tell them."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (erasure, erasure_commands):
            patched.setattr(module, "lost_with", lost_with)
        patched.setattr(Installation, "restate", restate)
        patched.setattr(sealing, "RESTATED", "none")
        patched.setattr(sealing, "HANDOVERS", sealing.HANDOVERS - {InstallationRestated.TOPIC})
        yield


def lost_with(recorded: Sequence[Recorded], persons: AbstractSet[str]) -> Lost:
    held = [*held_by(recorded, persons)]
    own = {each.position for each in held}
    last = {
        name: position
        for position, event in recorded
        if isinstance(event, FACTS)
        for name in event.facts
    }
    gone = frozenset(name for name in OF_PERSON if last.get(name) in own)
    versions = frozenset(each.event.originator_version for each in held)
    return Lost(versions, copied=False, facts=frozenset(), gone=gone)


def restate(
    installation: Installation, occasion: Occasion, _: Collection[str], gone: Collection[str]
) -> None:
    facts = {name: value for name, value in installation.facts.items() if name not in gone}
    installation.record(
        InstallationRestated,
        occasion,
        facts={} if installation.expired else facts,
        attributes={} if installation.expired else installation.attributes,
        tags=[] if installation.expired else sorted(installation.tags),
        since=installation.address and installation.address.since,
    )
