"""Whether a replica has the ledger of the primary, as its thread asks both."""

from __future__ import annotations

from ..engine.database import Database
from ..engine.dialects.postgresql_replication import PRIMARY, Standing, standing_of
from .place import NO_TABLE, Place, Questions
from .probe_connection import Probe
from .replica_state import LAGS, OTHER, Behind

ASK_SECONDS = 0.25
"""How long the primary may take to say where its ledger is."""


class Home:
    """The primary of a replica. Not for several threads.

    Args:
        primary: the server.
        questions: for the place of the ledger.
        keeps: whether its connection stays open, as others ask by it, too.

    Attributes:
        probe: asks it.
    """

    def __init__(self, primary: Database, questions: Questions, *, keeps: bool) -> None:
        self.probe = Probe(primary.engine, questions, primary)
        self._epochs = primary.epochs
        self._keeps = keeps
        self._same: tuple[Place | None, int] = None, 0
        """Which place of the replica's is the primary's, and in which epoch of the primary."""
        self._shown = False
        """Whether it had all that the primary had, before it was asked for its place."""

    def compare(self, here: Place | None, standing: Standing, *, again: bool) -> None:
        """Return if a replica has the same ledger; asks when either is a new connection.

        Args:
            here: where the replica's connection leads.
            standing: of the replica, after it was asked for its place.
            again: ask in any case.

        Raises:
            Behind: it has another ledger, or the tables are not there yet.
            Silent: the primary does not say.
        """
        if here is not None and self._same == (here, self._epochs.newest) and not again:
            return
        self.probe.close()  # what it knows of the primary may be over
        primary = standing_of(self.probe.ask(PRIMARY, ASK_SECONDS))
        home = self.probe.place
        if not self._keeps:
            self.probe.close()
        if here is None or home is None or not here.is_in_database_of(home):
            raise Behind(OTHER)
        shown, self._shown = self._shown, standing.shows(primary)
        if here.ledger == NO_TABLE != home.ledger and not shown:
            raise Behind(LAGS)
        if not here.is_of(home):
            raise Behind(OTHER)
        self._same = here, self._epochs.newest
