"""Questions to a store, and their answers on the terminal, in a pipe or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import typer

from addressee.adapters.serialization.commands_by_name import moment_of
from addressee.adapters.sql import SqlStore
from addressee.application import History, Past, Recorded, Targeting, Viewable
from addressee.domain import Expression, as_expression
from addressee.domain.audiences.expression import primary as primary_only

from ..terminal.output import show_table
from ..terminal.progress import long_work

DIGITS = 20
"""As many have no position."""
HAPPENED = ("position", "time (UTC)", "event", "actor", "what")


@dataclass(frozen=True, slots=True)
class Question:
    """An audience of an application, asked of a store."""

    store: Viewable
    application: str
    text: str
    include_disabled: bool
    primary: bool

    @property
    def audience(self) -> Expression:
        """The expression that is meant; raises ExpressionInvalid."""
        expression = as_expression(self.text)
        return expression & primary_only if self.primary else expression

    def count(self) -> int:
        """Return how many installations it reaches."""
        return Targeting(self.store).count(
            self.application, self.audience, include_disabled=self.include_disabled
        )

    def targets(self, limit: int | None) -> Iterable[str]:
        """Return the ids of those it reaches, at most ``limit``."""
        reach = Targeting(self.store)
        if limit is not None:
            return reach.preview(
                self.application, self.audience, limit, include_disabled=self.include_disabled
            )
        return reach.targets(
            self.application, self.audience, include_disabled=self.include_disabled
        )


def looked_back(store: SqlStore, moment: str) -> Past:
    """Return a store as it was.

    Args:
        store: whose past.
        moment: a position in digits, or a time in ISO 8601.
    """
    position = int(moment) if moment.isdecimal() and len(moment) < DIGITS else None
    last = position or store.last()
    with long_work("looking back") as advance:
        asked = moment_of(moment) if position is None else position
        return Past(store, asked, lambda done: advance(done, last))


def show_targets(question: Question, limit: int | None, form: str) -> None:
    """Print the installations that an audience reaches, with who is on them unless ids suffice."""
    ids = question.targets(limit)
    if form == "ids":
        for name in ids:
            typer.echo(name)
        return
    history = History(question.store)
    rows = ((name, history.who(name)) for name in ids)
    if form == "jsonl":
        for name, person in rows:
            typer.echo(json.dumps({"installation": name, "person": person}))
        return
    show_table(("installation", "person"), ((name, person or "") for name, person in rows))


def show_explanation(question: Question, installation: str, *, as_json: bool) -> None:
    """Print why an audience reaches an installation, or does not."""
    explanation = Targeting(question.store).explain(
        question.application,
        question.audience,
        installation=installation,
        include_disabled=question.include_disabled,
    )
    if as_json:
        typer.echo(json.dumps(asdict(explanation), default=str))
        return
    verdict = "is reached" if explanation.reached else "is not reached"
    because = f": {explanation.excluded}" if explanation.excluded else ""
    typer.echo(f"{installation} {verdict}{because}")
    rows = (
        (
            term.term,
            "holds" if term.holds else "does not hold",
            f"since {term.at:%Y-%m-%d %H:%M:%S} UTC" if term.at else "never did",
            f"event {term.position} {(term.event or '').removeprefix('addressee.')}"
            if term.position
            else "",
        )
        for term in explanation.terms
    )
    show_table(("term", "", "", "by"), rows)


def show_plan(question: Question, *, as_json: bool) -> None:
    """Print in which order an audience would be worked out."""
    plan = Targeting(question.store).plan(
        question.application, question.audience, include_disabled=question.include_disabled
    )
    if as_json:
        typer.echo(json.dumps(asdict(plan)))
        return
    rows = (
        (str(number), step.expression, f"{step.postings:,}", f"{step.shards:,}")
        for number, step in enumerate(plan.steps, 1)
    )
    show_table(("step", "each within what is left", "postings", "in shards"), rows)
    typer.echo(f"reads {len(plan.shards):,} of {plan.of:,} shards")


def show_history(store: SqlStore, kind: str, value: str) -> None:
    """Print everything that happened to what is named, oldest first."""
    history = History(store)
    if kind == "installation":
        recorded = history.installation(value)
    elif kind == "person":
        recorded = history.person(value)
    elif kind == "actor":
        show_done_by(store, value)
        return
    else:
        recorded = history.identifier(kind, value)
        if not recorded:
            typer.echo("nobody ever held it")
            return
    show_table(HAPPENED, map(told, recorded))


def show_done_by(store: SqlStore, actor: str) -> None:
    """Print everything that somebody asked for, oldest first."""
    last = store.last()
    with long_work("reading") as advance:
        done = History(store).actor(actor, progress=lambda position: advance(position, last))
        show_table(HAPPENED, map(told, done))


def told(recorded: Recorded) -> tuple[str, ...]:
    """Return an event as the cells of a row."""
    position, event = recorded
    own = event.model_dump(exclude={"timestamp", "actor", "correlation_id"}, exclude_defaults=True)
    what = ", ".join(f"{name}={value}" for name, value in own.items())
    when = f"{event.timestamp:%Y-%m-%d %H:%M:%S}"
    return str(position), when, type(event).__name__, event.actor, what
