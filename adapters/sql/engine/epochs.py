"""Epochs of a database: for how long it goes on where it was, so that caches of it hold.

A primary whose commits wait for no replica takes commits with it when it dies, and the server that
takes its place gives their positions and numbers again. No connection outlives its server, and no
server changes under it; so each connection has one epoch, which is read when it is opened.
"""

from __future__ import annotations

import logging
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection

from addressee.domain import StoreUnavailable

from .fork import renew_after_fork

EPOCH = "addressee_epoch"
"""Where a connection that the pool lends carries its epoch's number."""


class Identity(NamedTuple):
    """What tells one run of a server from all others, and from those of other servers.

    Args:
        system: of the cluster that it and its replicas make; 0 if it may not be asked.
        timeline: since the last promotion; 0 on a replica.
        started: when the server was started, as it writes it.
    """

    system: int
    timeline: int
    started: str

    def was_replaced_by(self, other: Identity) -> bool:
        """Whether the other one was promoted in place of this one, which nobody has stopped."""
        return self.system == other.system and 0 < self.timeline < other.timeline


class Epochs:
    """Numbers the epochs that one process sees of a database, from 1 on."""

    def __init__(self) -> None:
        self.newest = 0
        self._identity: Identity | None = None
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        self._lock = Lock()

    def forked(self) -> None:
        """Take a new lock."""
        self._begin()

    def number(self, identity: Identity) -> tuple[int, bool]:
        """Return the number of a server's epoch, and whether it has replaced another one now.

        Raises:
            StoreUnavailable: another server was promoted in its place.
        """
        with self._lock:
            known = self._identity
            if identity == known:
                return self.newest, False
            if known is not None and identity.was_replaced_by(known):
                raise StoreUnavailable(
                    f"the server is on timeline {identity.timeline}, and another one was promoted"
                    f" to timeline {known.timeline} in its place"
                )
            self.newest, self._identity = self.newest + 1, identity
        if known is None:
            return self.newest, False
        logging.getLogger("addressee").warning(
            "the database is another server now, or was started again: caches are dropped"
        )
        return self.newest, True


def epoch_of(connection: Connection) -> int:
    """Return the epoch of a connection; 0 if it is a host's or a file's, which tell none."""
    epoch: int = connection.info.get(EPOCH, 0)
    return epoch


def check_epoch(connection: Connection, epoch: int) -> None:
    """Raise StoreUnavailable where a connection is not of the epoch in which a call has begun."""
    if epoch_of(connection) != epoch:
        raise StoreUnavailable("the database has changed servers, or was started again, meanwhile")
