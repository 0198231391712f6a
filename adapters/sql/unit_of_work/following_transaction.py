"""A transaction that copies what another ledger holds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update

from addressee.application import Changes, Recorded, Stored
from addressee.domain import Conflict

from ..schema.bookkeeping_tables import FOLLOWED
from .index_erasure import erased_by, forget_erased
from .transaction import SqlTransaction


class FollowingTransaction(SqlTransaction):
    """Copies another ledger's events, at their positions, with what they change."""

    @property
    def position(self) -> int:
        """Return the last position that was copied."""
        rows = self._prepared.last.rows(self._connection)
        return rows[0][0] if rows else 0

    def recorded(self, page: Sequence[Stored]) -> list[Recorded]:
        """Return what events say that are to be copied; raises StoreDamaged."""
        rows = page if self._sealing is None else self._sealing.opened(page)
        event = self._mapper.event
        return [
            Recorded(position, event(stream, version, topic, state))
            for position, stream, version, topic, state in rows
        ]

    def note(self, before: bytes, after: bytes) -> None:
        """Note how far the ledger was followed; raises Conflict unless ``before`` was noted."""
        setting = self._schema.setting
        as_known = (setting.c.name == FOLLOWED) & (setting.c.value == before)
        noted = update(setting).where(as_known).values(value=after)
        if self._connection.execute(noted).rowcount == 0:
            raise Conflict(FOLLOWED, 0, 1)

    def follow(self, page: Sequence[Stored], changes: Changes) -> None:
        """Write the next events and what they change; raises Conflict if another has done it."""
        written = self._writes(changes)
        self._make_room(written, len(page))
        self._prepared.copies.insert(self._connection, page)
        for write in written:
            write.run(self._connection)
        erased = erased_by((stream, topic) for _, stream, _, topic, _ in page)
        forget_erased(self, self._connection, self._prepared.index, erased)

    def _settled(self) -> int:
        """Return the last position: pages come in order, one after the other."""
        return self.position
