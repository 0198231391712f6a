"""Whether what a store remembers of its past is what the ledger says (R37)."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from addressee.domain import StoreDamaged
from addressee.domain.times import to_microseconds

from ..ports.audit_views import Audit, RememberingAudit
from ..ports.records import EMPTY, Mark, Recorded, TimeSpan
from ..ports.transaction_views import SHARD_BITS
from ..read_models.in_memory import ReadModels
from .event_consistency import Difference
from .index_check import posting_differences

STATES = 3
"""How many states of the index are compared with the ledger, of those that are remembered."""


class PastCheck:
    """Follows a ledger from its start, and compares what is remembered.

    The changes of postings are compared in a few states, spread evenly, and all of them together:
    without them, the index should be empty.

    Args:
        audit: shows ledger and memory.

    Attributes:
        found: what is wrong, as far as is known.
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit if isinstance(audit, RememberingAudit) else None
        self._spans: list[TimeSpan] = []
        self._marks: list[Mark] = []
        self._names: dict[int, str] = {}
        self._times: tuple[int, int] | None = None
        self.found: list[Difference] = []
        if self._audit is not None:
            self._spans = [*self._audit.time_spans()]
            if self._audit.marks(0, 0) is not None:
                marks = self._audit.exact_marks()
                step = len(marks) // STATES or 1
                self._marks = [*marks[step - 1 :: step]]

    @property
    def stop(self) -> int | None:
        """Where the next state is to be compared, if any."""
        return self._marks[0].last if self._marks else None

    def add(self, recorded: Recorded) -> None:
        """Follow the next event."""
        if not self._spans:
            return
        last, *times = self._spans[0]
        time = to_microseconds(recorded.event.timestamp)
        earliest, latest = self._times or (time, time)
        self._times = min(earliest, time), max(latest, time)
        if recorded.position >= last:
            if (recorded.position, *self._times) != (last, *times):
                problem = f"has other times than what is noted up to position {last}"
                self.found.append(Difference("ledger", f"position {recorded.position}", problem))
            del self._spans[0]
            self._times = None

    def compare(self, position: int, expected: ReadModels) -> None:
        """Compare a state with the read models that the ledger leads to, if one is due."""
        while self._marks and self._marks[0].last <= position:
            mark = self._marks.pop(0)
            if mark.last == position:
                self.found += self._differences(mark, expected)

    def end(self, expected: ReadModels) -> None:
        """Compare what is left, with the read models of all the ledger."""
        self.found += (
            Difference("ledger", f"position {span.last}", "is noted in the times, and not there")
            for span in self._spans
        )
        if self._audit is not None and self._audit.marks(0, 0) is not None:
            terms = {*expected.terms()}
            self.found += self._differences(EMPTY, ReadModels(), terms)

    def _differences(
        self,
        mark: Mark,
        expected: ReadModels,
        more: AbstractSet[tuple[str, str]] = frozenset(),
    ) -> Iterator[Difference]:
        """Yield where the index of a mark is not as it should be."""
        audit = self._audit
        if audit is None:
            return
        if not self._names:
            self._names = {row.ordinal: row.installation for row in audit.rows()}
        everything = range((max(self._names, default=0) >> SHARD_BITS) + 1)
        forgotten = audit.forgotten(mark)
        hidden = {self._names.get(ordinal, "") for ordinal in forgotten}
        terms = {*expected.terms(), *more}
        written = {(application, audit.written(term)) for application, term in terms}
        for application, term in sorted(terms | ({*audit.terms()} - written)):
            place = f"{application} {term} at position {mark.last}"
            try:
                found = audit.postings_at(mark, application, {term}, everything).get(term, ())
            except StoreDamaged as damage:
                yield Difference("term", place, str(damage))
                continue
            has = {self._names.get(n, f"ordinal {n}") for n in found} - hidden
            hits = expected.postings(application, {term}, everything).get(term, ())
            should = {*expected.names([*hits])} - hidden
            yield from posting_differences(place, should, has, ("lacked", "should not have had"))
