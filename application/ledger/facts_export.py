"""The facts of a ledger on their way to programs that count them, each once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from addressee.domain import InvalidValue

from ..ports.audit_views import Audit
from ..ports.public_facts import (
    ENVELOPE,
    PSEUDONYMOUS,
    FactRow,
    FactsEnd,
    FactsHeading,
    FactSink,
    actor_kind,
)
from ..ports.records import Recorded
from ..ports.store import AuditableStore
from ..read_models.claim_names import first_fingerprint
from .hash_chain import START, link
from .transfer import WAIT, settled_now

COLUMNS = ENVELOPE | {"application", "installation", "person", "reason", "actor"}
"""The fields that have a column of their own, so that details leave them out."""
PAGE = 5_000
"""How many events are read at once."""
SEGMENT = 250_000
"""About how many events are kept at once: an export that is killed repeats no more than these."""


class ExportedFacts(NamedTuple):
    """What an export has added.

    Args:
        first: the position after which the earlier runs ended, plus one.
        last: the position up to which the facts are exported now.
        rows: how many were added.
    """

    first: int
    last: int
    rows: int


def export_facts(
    store: AuditableStore,
    sink: Callable[[FactsHeading], AbstractContextManager[FactSink]],
    *,
    personal: bool = False,
    wait: float = WAIT,
    progress: Callable[[int, int], object] = lambda _, __: None,
) -> ExportedFacts:
    """Add a store's new facts to those that earlier runs have exported; commands may run meanwhile.

    Each fact is there once, up to a position at which the ledger is settled. What was kept stays as
    it is.

    Args:
        store: whose.
        sink: opens what takes them.
        personal: whether rows have personal data and callers' texts: actors' names, names of
            segments, correlation ids.
        wait: seconds to wait for open transactions that may have taken a lower position.
        progress: called after each page with the position of its last event, and of the ledger's.

    Raises:
        InvalidValue: the ledger is not the one that the sink goes on with, or what is there has
            personal data and rows should have none, or the other way round.
        StoreSealed: personal data is sealed, and the store was opened without keys.
        StoreUnavailable: the store can't be reached, or such transactions do not end in time.
    """
    heading = FactsHeading(first_fingerprint(store), personal)
    with sink(heading) as target:
        settled, rows = settled_now(store, wait), 0
        begin = last = target.end.last
        with store.auditing() as audit:
            if begin and (begin > settled or end_at(audit, begin) != target.end):
                problem = (
                    f"ends with position {begin}, which this ledger does not have as it was:"
                    " the ledger was restored from a backup, so begin a new folder"
                )
                raise InvalidValue("folder", problem)
        while last < settled:
            # A view for each segment: one that stays open for hours keeps a database from cleaning.
            with store.auditing() as audit:
                upper, read = last, 0
                while read < SEGMENT and (page := audit.events(upper, PAGE, settled)):
                    found = [row for each in page if (row := fact_row(each, personal=personal))]
                    target.write(found)
                    upper = page[-1].position
                    read, rows = read + len(page), rows + len(found)
                    progress(upper, settled)
                if upper == last:
                    break
                target.keep(end_at(audit, upper))
                last = upper
    return ExportedFacts(begin + 1, last, rows)


def end_at(audit: Audit, position: int) -> FactsEnd:
    """Return the end of facts that end with the event at a position."""
    events = audit.stored(position - 1, 1, position)
    return FactsEnd(position, link(START, events[0]) if events else START)


def fact_row(recorded: Recorded, *, personal: bool) -> FactRow | None:
    """Return an event as a row; None if it is no fact, or another stream's copy of one."""
    position, event = recorded
    kind = type(event)
    if kind not in PSEUDONYMOUS or not event.at_home:
        return None
    left_out, actor = COLUMNS, event.actor
    if not personal:
        left_out, actor = COLUMNS | PSEUDONYMOUS[kind], actor_kind(actor)
    details = event.__pydantic_serializer__.to_json(event, exclude=left_out, exclude_defaults=True)
    return FactRow(
        position,
        event.timestamp,
        kind.__name__,
        getattr(event, "application", None),
        getattr(event, "installation", None),
        getattr(event, "person", None),
        getattr(event, "reason", None),
        actor,
        details.decode(),
    )
