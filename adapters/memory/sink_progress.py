"""How far sinks are, in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import RLock
from uuid import uuid4

from addressee.application import DeadLetter, SinkState, Turn
from addressee.application.default_clock_and_ids import utc_now
from addressee.domain import Conflict


@dataclass
class Row:
    """What is known of one sink."""

    state: SinkState
    resend_to: int = 0
    letters: dict[int, DeadLetter] = field(default_factory=dict[int, DeadLetter])


class MemorySinkProgress:
    """The port's `SinkProgress` in a dictionary that all relays of a store share.

    Args:
        rows: name → what is known.
        lock: guards them.
        name: the sink's.
        seconds: how long a lease lasts if it is not renewed.
        clock: gives the time, aware of its zone.
    """

    def __init__(
        self,
        rows: dict[str, Row],
        lock: RLock,
        name: str,
        seconds: float,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._rows = rows
        self._lock = lock
        self._name = name
        self._length = timedelta(seconds=seconds)
        self._clock = clock
        self._holder = uuid4().hex

    def take(self) -> Turn | None:
        """Begin or renew a turn."""
        with self._lock:
            row, now = self._row(), self._clock()
            state = row.state
            free = state.holder in (None, self._holder) or state.until < now
            if state.paused or state.problem is not None or not free:
                return None
            row.state = replace(state, holder=self._holder, until=now + self._length)
            return Turn(state.position, row.resend_to)

    def advance(
        self,
        before: int,
        after: int,
        *,
        sent: int = 0,
        retried: int = 0,
        dead: Sequence[DeadLetter] = (),
    ) -> None:
        """Note what was confirmed, and what was set aside."""
        with self._lock:
            row = self._row()
            if (row.state.holder, row.state.position) != (self._holder, before):
                raise Conflict(f"sink:{self._name}", before, row.state.position)
            until = self._clock() + self._length
            row.state = replace(row.state, position=after, until=until)
            self._count(row, sent, retried)
            row.letters |= {letter.position: letter for letter in dead}

    def release(self) -> None:
        """Let other relays work on it."""
        with self._lock:
            row = self._row()
            if row.state.holder == self._holder:
                row.state = replace(row.state, holder=None)

    def fail(self, position: int, reason: str) -> None:  # noqa: ARG002 # the state's own position says it
        """Stop all relays."""
        with self._lock:
            self._row().state = replace(self._row().state, problem=reason, holder=None)

    def pause(self) -> None:
        """Stop all relays."""
        with self._lock:
            self._row().state = replace(self._row().state, paused=True)

    def resume(self) -> None:
        """Let relays go on."""
        with self._lock:
            free = replace(self._row().state, paused=False, problem=None, holder=None)
            self._row().state = free

    def move(self, position: int) -> None:
        """Go on behind another position."""
        with self._lock:
            row = self._row()
            row.resend_to = max(row.resend_to, row.state.position)
            row.state = replace(row.state, position=position)

    def dead_letters(self, after: int, limit: int, *, resend: bool = False) -> Sequence[DeadLetter]:
        """Return dead letters."""
        with self._lock:
            row = self._rows.get(self._name)
            found = sorted(row.letters.values()) if row else []
            return [
                each for each in found if each.position > after and (each.resend or not resend)
            ][:limit]

    def request_resend(self, positions: Sequence[int] | None) -> int:
        """Mark dead letters to be sent again."""
        with self._lock:
            letters = self._row().letters
            marked = [at for at in letters if positions is None or at in positions]
            letters.update((at, letters[at]._replace(resend=True)) for at in marked)
            return len(marked)

    def settle(self, position: int, reason: str | None, *, retried: int = 0) -> None:
        """Note that a dead letter was sent again."""
        with self._lock:
            row = self._row()
            letter = row.letters.pop(position, None)
            if reason is not None and letter is not None:
                row.letters[position] = DeadLetter(position, reason, self._clock())
            self._count(row, int(reason is None), retried)

    def state(self) -> SinkState | None:
        """Return what is recorded."""
        with self._lock:
            row = self._rows.get(self._name)
            if row is None:
                return None
            holder = row.state.holder if row.state.until >= self._clock() else None
            return replace(row.state, dead=len(row.letters), holder=holder)

    def _row(self) -> Row:
        fresh = SinkState(0, 0, 0, 0, None, self._clock(), paused=False, problem=None)
        return self._rows.setdefault(self._name, Row(fresh))

    @staticmethod
    def _count(row: Row, sent: int, retried: int) -> None:
        state = row.state
        row.state = replace(state, sent=state.sent + sent, retried=state.retried + retried)
