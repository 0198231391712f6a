"""The relay: facts, page by page, from the ledger to one sink (R42)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from threading import Event

from addressee.domain import Conflict, StoreError, values

from ..default_clock_and_ids import utc_now
from ..execution.tracing import Facts, Tracing
from ..ports.delivery.event_sink import (
    DeliveryFailed,
    EventSink,
    FactMessage,
    MessageRefused,
    Published,
    SinkClosed,
    SinkProblem,
    SinkUnavailable,
)
from ..ports.delivery.relays import DeadLetter, RelayStore, Turn
from ..read_models.claim_names import first_fingerprint
from ..worker_heartbeat import Heartbeat
from .batches import Batch, next_batch
from .cloud_events import CloudEvents, Data
from .schedule import LONGEST, STANDARD, Schedule

Pages = Callable[[int, int, int], Batch | None]
"""Gives the next messages: of the position that the relay has noted, the one that the sink has, and
how many events at most. None where there is nothing to send."""
PAGE = 1_000
POLL = 0.1
LOOK = 1.0
"""For how many seconds at most a relay that waits does not look whether it was paused."""
SOURCE = "urn:addressee:"


class Relay:
    """Brings every fact of a ledger to one sink, at least once and in order (R42).

    A fact that both aggregates record goes out once. The position of the sink advances only after
    the sink has confirmed. Any number of relays may run for one sink: one works, the others wait.
    A sink that fails delays no other, and no command.

    Args:
        store: whose facts.
        name: the sink's; under another name everything is sent again.
        sink: where to.
        source: names the ledger in every message, a URI reference; by default
            ``urn:addressee:`` and the fingerprint of the store's first identifier key.
        data: what a message has of its event: ``full``, ``pseudonymous`` (no field that is personal
            data, and no text of a caller) or ``none``.
        page: most events that are read, and sent, at once.
        poll: seconds between looks at the ledger while there is nothing to do.
        pauses: seconds between the attempts of a message that the sink fails on; afterwards it is
            set aside. A sink that is away is tried without end.
        lease: seconds after which another relay takes over from one that says nothing.
        clock: gives the time, aware of its zone.
        logger: receives failures, never an event's data.
        tracing: records a span of each batch; None records none.
        pages: what goes out in place of facts, for a sink that has to have all of it: it goes on
            with what the sink says that it has, whatever the relay has noted, and nothing is ever
            set aside.

    Raises:
        InvalidValue: ``name``, ``source`` or ``data`` can't be used.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, most with a default
        self,
        store: RelayStore,
        name: str,
        sink: EventSink,
        *,
        source: str | None = None,
        data: Data = "pseudonymous",
        page: int = PAGE,
        poll: float = POLL,
        pauses: Sequence[float] = STANDARD,
        lease: float = 15.0,
        clock: Callable[[], datetime] = utc_now,
        logger: logging.Logger | None = None,
        tracing: Tracing | None = None,
        pages: Pages | None = None,
    ) -> None:
        self._store = store
        self._tracing = tracing
        self._name = values.identifier("sink", name)
        self._sink = sink
        self._events = CloudEvents(source or f"{SOURCE}{first_fingerprint(store)}", data)
        self._pages = pages
        self._page = page
        self._poll = poll
        self._lease = lease
        self._clock = clock
        self._logger = logger or logging.getLogger("addressee")
        self._progress = store.sink(name, lease)
        self._schedule = Schedule(pauses)
        self._awake = Event()
        self._due = 0.0
        self._retries = 0
        """Attempts since the last that was noted, which repeated an earlier one."""
        self._in_doubt = True
        """Whether the sink may have more than its position says."""
        self._held = 0
        """What it has, as far as it could be asked."""

    def run(self, stop: Event) -> None:
        """Work until ``stop`` is set; waits out a store or a sink that does not answer.

        Set `stop`, then call `wake`, to end at once. The lease is given back at the end.
        """
        outage = self._poll
        with Heartbeat(self._progress.take, self._lease / 3):
            while not stop.is_set():
                try:
                    wait = self.step()
                    outage = self._poll
                except Conflict:
                    wait = self._poll  # another relay has taken over, or the sink was moved
                except StoreError as error:
                    self._logger.warning("relay %s waits: %s", self._name, error)
                    wait = outage = min(outage * 2, LONGEST)
                if wait:
                    self._awake.wait(min(wait, LOOK))
                    self._awake.clear()
        self.release()

    def wake(self, *_: object) -> None:
        """Look at the ledger now; a handler for `Personalization.subscribe`."""
        self._awake.set()

    def catch_up(self) -> float:
        """Work until nothing can be done now: at the ledger's end, or while the sink must rest.

        Returns:
            The seconds until there may be something to do.

        Raises:
            Conflict: another relay has taken over, or the sink was moved.
            StoreError: the store did not do its work.
        """
        while not (wait := self.step()):
            pass
        return wait

    def step(self) -> float:
        """Send one batch, if it is this relay's turn.

        Returns:
            The seconds until there may be something to do; 0 where there may be more now.

        Raises:
            Conflict, StoreError: as for `catch_up`.
        """
        turn = self._progress.take()
        if turn is None:
            self._in_doubt = True
            return self._poll
        if (wait := self._due - time.monotonic()) > 0:
            return wait
        if self._in_doubt and (wait := self._ask()):
            return wait
        if self._pages is not None:
            batch = self._pages(turn.position, self._held, self._page)
            return self._poll if batch is None else self._send(batch, turn)
        for letter in self._progress.dead_letters(0, self._page, resend=True):
            if wait := self._send_again(letter, turn):
                return wait
        batch = next_batch(self._store, self._events, turn.position, self._page)
        return self._poll if batch is None else self._send(batch, turn)

    def release(self) -> None:
        """Let another relay work on the sink at once."""
        self._progress.release()

    def close(self) -> None:
        """Close the sink's connections."""
        self._sink.close()

    def _ask(self) -> float:
        """Ask the sink what it has; return how many seconds to wait."""
        try:
            self._held = self._sink.resume() or 0
        except Exception as error:  # noqa: BLE001 # a host's own sink may raise anything
            return self._rest(SinkUnavailable(type(error).__name__))
        self._in_doubt = False
        return 0.0

    def _send(self, batch: Batch, turn: Turn) -> float:
        """Send a batch and note how far the sink is; return how many seconds to wait."""
        known = self._held if turn.position >= turn.resend_to else 0
        waiting = [each for each in batch.messages if each.position > known]
        had = len(batch.messages) - len(waiting)
        confirmed, problem = self._publish(waiting)
        if confirmed:
            self._held = max(self._held, waiting[confirmed - 1].reached)
        sent = had + confirmed
        after = batch.reached(sent)
        wait, dead = 0.0, list[DeadLetter]()
        if problem is not None:
            failed = waiting[confirmed]
            wait, dead = self._consequence(problem, failed)
            after = failed.position if dead else after
        retries, self._retries = self._retries, 0
        self._progress.advance(batch.before, after, sent=sent, retried=retries, dead=dead)
        self._close_on(problem, after)
        self._retries = int(wait > 0)
        # Events that come one by one wait for each other: on a file each note is a turn of writing.
        return self._poll if problem is None and batch.ends(sent) else wait

    def _send_again(self, letter: DeadLetter, turn: Turn) -> float:
        """Send a dead letter again; return how many seconds to wait."""
        with self._store.reading() as view:
            found = view.events(letter.position - 1, 1)
        message = self._events.message(found[0], letter.position - 1) if found else None
        if message is None:
            self._progress.settle(letter.position, "there is no such fact")
            return 0.0
        confirmed, problem = self._publish([message._replace(reached=turn.position)])
        if confirmed:
            self._progress.settle(letter.position, None, retried=1)
        elif isinstance(problem, MessageRefused | DeliveryFailed):
            self._progress.settle(letter.position, problem.reason, retried=1)
            self._in_doubt = True
        elif problem is not None:
            self._close_on(problem, turn.position)
            return self._rest(problem)
        return 0.0

    def _publish(self, messages: Sequence[FactMessage]) -> Published:
        """Publish messages, if there are any; whatever the sink raises is a problem of it."""
        if not messages:
            return Published(0)
        try:
            with self._span(messages):
                published = self._sink.publish(messages)
        except Exception as error:  # noqa: BLE001 # a host's own sink may raise anything
            # Neither its text nor its traceback: they may contain personal data.
            published = Published(0, SinkUnavailable(type(error).__name__))
        if published.confirmed:
            self._schedule.taken()
        elif published.problem is None:
            return Published(0, SinkUnavailable("nothing was confirmed"))
        problem = published.problem
        if self._pages is not None and isinstance(problem, MessageRefused | DeliveryFailed):
            return published._replace(problem=SinkClosed(problem.reason))
        return published

    def _span(self, messages: Sequence[FactMessage]) -> AbstractContextManager[object]:
        """Return the span of a batch, linked to the commands that recorded its facts."""
        if self._tracing is None:
            return nullcontext()
        attributes: Facts = {"addressee.sink": self._name, "addressee.messages": len(messages)}
        links = [each.trace for each in messages if each.trace]
        return self._tracing.span("addressee.publish", attributes, links=links)

    def _consequence(
        self, problem: SinkProblem, failed: FactMessage
    ) -> tuple[float, list[DeadLetter]]:
        """Return how long to wait, and the dead letter if it comes to that."""
        pause: float | None = 0.0
        if isinstance(problem, DeliveryFailed):
            pause = self._schedule.failed(failed.position)
        if pause is None or isinstance(problem, MessageRefused):
            self._in_doubt = True
            self._log("sets aside", problem.reason, failed.position)
            return 0.0, [DeadLetter(failed.position, problem.reason, self._clock())]
        return self._rest(problem, pause, failed.position), []

    def _rest(
        self,
        problem: SinkProblem,
        pause: float = 0.0,
        position: int = 0,
    ) -> float:
        """Wait before the next attempt; return for how many seconds."""
        self._in_doubt = True
        least = problem.after if isinstance(problem, SinkUnavailable) else 0.0
        wait = pause or self._schedule.away(least)
        self._due = time.monotonic() + wait
        self._log("waits", problem.reason, position)
        return wait

    def _close_on(self, problem: object, position: int) -> None:
        """Stop all relays of the sink if it wants nothing any more."""
        if isinstance(problem, SinkClosed):
            self._progress.fail(position, problem.reason)

    def _log(self, does: str, reason: str, position: int) -> None:
        self._logger.warning("relay %s %s at %d: %s", self._name, does, position, reason)
