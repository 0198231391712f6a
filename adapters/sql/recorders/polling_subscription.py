"""Following a ledger by asking it again and again: works on every database, survives every loss."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Event

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

PAGE = 1000
POLL_SECONDS = 0.1


class PollingSubscription(Subscription[ApplicationRecorder]):
    """Yields events in ledger order; at the end it waits for more until it is stopped."""

    def __init__(
        self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._stop = Event()
        self._after = gt or 0
        self._page: deque[Notification] = deque()

    def stop(self) -> None:
        """End the iteration, from any thread."""
        super().stop()
        self._stop.set()

    def __next__(self) -> Notification:
        """Return the next event; raises StopIteration once stopped."""
        while not self._stop.is_set():
            if self._page:
                notification = self._page.popleft()
                self._after = notification.id
                return notification
            self._page.extend(
                self._recorder.select_notifications(
                    self._after, PAGE, topics=self._topics, inclusive_of_start=False
                )
            )
            if not self._page:
                self._stop.wait(POLL_SECONDS)
        raise StopIteration
