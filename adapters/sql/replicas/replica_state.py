"""What is known of a replica, and why it can't answer."""

from __future__ import annotations

from typing import NamedTuple

from ..engine.dialects.postgresql_replication import Standing


class ReplicaState(NamedTuple):
    """What a store tells of one of its replicas.

    Args:
        name: host and port.
        left_out: why no query goes to it; "" while queries do.
        synchronous: whether commits wait for it, so that queries do not.
        failures: how often it was left out by this process.
    """

    name: str
    left_out: str
    synchronous: bool
    failures: int


LAGS = "lags"
OTHER = "is of another database"
"""Why a replica is left out."""


class Behind(Exception):
    """A replica does not show in time what a query has to, or shows another ledger."""


def why_behind(standing: Standing, primary: Standing) -> str:
    """Return why a replica can't answer."""
    if not standing.replica:
        return "is a primary"
    if standing.timeline != primary.timeline:
        return "does not follow this primary"
    return LAGS
