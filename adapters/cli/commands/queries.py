"""Queries of `addressee target` and `addressee history`, printed as tables or JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import starmap
from typing import Any

import typer

from addressee.adapters.sql import SqlStore
from addressee.application import AsOf, History, Horizon, Past, Recorded, Targeting, Viewable
from addressee.application.history import MOST_ACTIONS
from addressee.domain import Event, Expression, as_expression, values
from addressee.domain.audiences.expression import primary as primary_only

from ..terminal.output import one_line, show_json, show_table
from ..terminal.progress import long_work

DIGITS = 20
"""No position has as many."""
COMMON = {"timestamp", "actor", "correlation_id"}
EVENT_COLUMNS = ("position", "time (UTC)", "event", "actor", "stream", "fields")


@dataclass(frozen=True, slots=True)
class AudienceQuery:
    """An audience of an application, evaluated in a store."""

    store: Viewable
    application: str
    text: str
    include_disabled: bool
    primary: bool

    @property
    def audience(self) -> Expression:
        """The parsed expression; raises ExpressionInvalid."""
        expression = as_expression(self.text)
        return expression & primary_only if self.primary else expression

    def count(self) -> int:
        """Return the number of installations that the audience reaches."""
        return Targeting(self.store).count(
            self.application, self.audience, include_disabled=self.include_disabled
        )

    def targets(self, limit: int | None) -> Iterable[str]:
        """Return the ids of the installations that it reaches, at most ``limit``."""
        reach = Targeting(self.store)
        if limit is not None:
            return reach.preview(
                self.application, self.audience, limit, include_disabled=self.include_disabled
            )
        return reach.targets(
            self.application, self.audience, include_disabled=self.include_disabled
        )


def looked_back(store: SqlStore, moment: str) -> AsOf:
    """Return a store's state in the past.

    Args:
        store: the present store.
        moment: a position in digits, or a time in ISO 8601.
    """
    position = int(moment) if moment.isdecimal() and len(moment) < DIGITS else None
    asked = values.moment("as_of", moment) if position is None else position

    def fold(horizon: Horizon) -> Past:
        last = position or store.last()
        with long_work("looking back") as advance:
            return Past(store, asked, lambda done: advance(done, last), horizon=horizon)

    return AsOf(store, asked, fold)


def hint_at_application(store: SqlStore, code: str) -> None:
    """Tell on standard error if an application has neither settings nor installations.

    An unknown code is no error, since `apply` registers under any; it is often a typing error.
    """
    if store.applications.get(code) is not None:
        return
    if Targeting(store).count(code, as_expression("all"), include_disabled=True):
        return
    near = get_close_matches(code, [each.code for each in store.applications.all()])
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    typer.echo(one_line(f"no application {code} is known here{meant}"), err=True)


def show_targets(query: AudienceQuery, limit: int | None, form: str) -> None:
    """Print the installations that an audience reaches, with their persons unless form is ids."""
    ids = query.targets(limit)
    if form == "ids":
        for name in ids:
            typer.echo(name)
        return
    history = History(query.store)
    rows = ((name, history.who(name)) for name in ids)
    if form == "jsonl":
        for name, person in rows:
            show_json({"installation": name, "person": person})
        return
    show_table(("installation", "person"), ((name, person or "") for name, person in rows))


def show_explanation(query: AudienceQuery, installation: str, *, as_json: bool) -> None:
    """Print why an audience reaches an installation, or does not."""
    explanation = Targeting(query.store).explain(
        query.application,
        query.audience,
        installation=installation,
        include_disabled=query.include_disabled,
    )
    if as_json:
        show_json(asdict(explanation))
        return
    verdict = "is reached" if explanation.reached else "is not reached"
    because = f": {explanation.excluded}" if explanation.excluded else ""
    typer.echo(f"{installation} {verdict}{because}")
    rows = (
        (
            term.term,
            "holds" if term.holds else "does not hold",
            f"since {term.at:%Y-%m-%d %H:%M:%S} UTC" if term.at else "never did",
            f"it has {term.look_alike}"
            if term.look_alike
            else f"event {term.position} {(term.event or '').removeprefix('addressee.')}"
            if term.position
            else "",
        )
        for term in explanation.terms
    )
    show_table(("term", "", "", "by"), rows)


def show_plan(query: AudienceQuery, *, as_json: bool) -> None:
    """Print the order in which the index would evaluate an audience."""
    plan = Targeting(query.store).plan(
        query.application, query.audience, include_disabled=query.include_disabled
    )
    if as_json:
        show_json(asdict(plan))
        return
    rows = (
        (str(number), step.expression, f"{step.postings:,}", f"{step.shards:,}")
        for number, step in enumerate(plan.steps, 1)
    )
    show_table(("step", "each within what is left", "postings", "in shards"), rows)
    typer.echo(f"reads {len(plan.shards):,} of {plan.of:,} shards")


def show_history(store: SqlStore, kind: str, value: str, *, as_json: bool) -> None:
    """Print the events of an installation, a person, an identifier or an actor, oldest first."""
    history = History(store)
    if kind == "actor":
        last = store.last()
        with long_work("reading") as advance:
            found = history.actor(value, progress=lambda position: advance(position, last))
            show_events(found, as_json=as_json)
        return
    if kind == "app":
        recorded: Sequence[Recorded] = history.actions(value, whole=True, limit=MOST_ACTIONS)[::-1]
    elif kind == "installation":
        recorded = history.installation(value)
    elif kind == "person":
        recorded = history.person(value)
    else:
        recorded = history.identifier(kind, value)
        if not recorded and not as_json:
            typer.echo("nobody ever held it")
            return
    show_events(recorded, as_json=as_json)


def show_events(events: Iterable[Recorded], *, as_json: bool) -> None:
    """Print events."""
    if as_json:
        for position, event in events:
            show_json(event_fields(position, event))
    else:
        show_table(EVENT_COLUMNS, starmap(event_cells, events))


def event_fields(position: int, event: Event) -> dict[str, Any]:
    """Return an event as an object, with the names that `/v1` uses too."""
    return {
        "position": position,
        "event": type(event).__name__,
        "at": utc(event.timestamp),
        "actor": event.actor,
        "stream": event.originator_id,
        "correlation_id": event.correlation_id,
        "data": event.model_dump(mode="json", exclude=COMMON),
    }


def event_cells(position: int, event: Event) -> tuple[str, ...]:
    """Return an event as the cells of a row."""
    own = event.model_dump(exclude=COMMON, exclude_defaults=True)
    fields = ", ".join(f"{name}={value}" for name, value in own.items())
    happened = str(position), utc(event.timestamp), type(event).__name__
    return *happened, event.actor, event.originator_id, fields


def utc(moment: datetime) -> str:
    """Return a time in UTC, exact, so that it can be given back to --at and --as-of."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
