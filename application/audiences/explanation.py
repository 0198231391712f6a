"""Explain why an audience reaches an installation or not, from the ledger itself (R35).

The installation's stream and those of everybody it ever belonged to are folded together in ledger
order, and every term's truth is followed from event to event. So the answer names the event, and it
does not depend on the index that it explains.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from addressee.domain import (
    And,
    DevicePersonalized,
    Expression,
    Installation,
    InstallationRegistered,
    NoRegistration,
    Not,
    Or,
    Person,
    PersonsMerged,
    Term,
    installation_terms,
    leaves,
    person_terms,
    seen_persons,
    values,
)
from addressee.domain.audiences.index_terms import ALL, REACHABLE
from addressee.domain.events import category_of, name_in

from ..ports.records import Recorded
from ..ports.store import Viewable
from ..ports.transaction_views import View
from .confusable_values import look_alikes
from .evaluation import check_indexed, without_segments


@dataclass(frozen=True, slots=True)
class TermExplanation:
    """Whether one term of an expression holds for an installation, and since when.

    Attributes:
        term: as the expression writes it.
        holds: whether it does.
        position: of the event that made it so; None where it never held.
        event: that event's topic.
        at: that event's time.
        look_alike: of a term that does not hold, the code points of a held value that looks like
            the term's and differs, and those of the term's.
    """

    term: str
    holds: bool
    position: int | None = None
    event: str | None = None
    at: datetime | None = None
    look_alike: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an audience reaches an installation, or does not.

    Attributes:
        installation: its id.
        reached: whether the audience reaches it.
        excluded: why no audience of this kind does, if so: expired, or a push flag is off.
        terms: one entry a term of the expression.
    """

    installation: str
    reached: bool
    excluded: str | None
    terms: tuple[TermExplanation, ...]


def explain(  # noqa: PLR0913 # a query, and where it runs
    store: Viewable,
    reader: View,
    application: str,
    expression: Expression,
    name: str,
    *,
    include_disabled: bool,
) -> Explanation:
    """Fold the installation's streams and return the explanation; raises NoRegistration."""
    expression = without_segments(reader, application, expression)
    check_indexed(store, leaves(expression))
    stream = Installation(values.identifier("installation", name)).id
    own = reader.streams({stream: 0}).get(stream, ())
    # Before any person is read: neither work nor time tells an id of another application.
    first = own[0].event if own else None
    if not isinstance(first, InstallationRegistered) or first.application != application:
        raise NoRegistration(name)
    persons = {r.event.person for r in own if isinstance(r.event, DevicePersonalized)}
    streams = streams_with_merged(reader, persons)
    wanted = sorted(leaves(expression), key=str)
    world = World(name, store.indexed_attributes)
    explained = {term: TermExplanation(str(term), holds=False) for term in wanted}
    by_fact: dict[Fact, list[Term]] = defaultdict(list)
    for term in wanted:
        by_fact[fact_of(term)].append(term)
    facts: AbstractSet[Fact] = frozenset()
    for recorded in sorted((r for s in (own, *streams.values()) for r in s), key=lambda r: r[0]):
        world.fold(recorded)
        before, facts = facts, world.facts()
        # Only what the event has changed, however many terms there are.
        for fact in before ^ facts:
            for term in by_fact.get(fact, ()):
                position, event = recorded
                explained[term] = TermExplanation(
                    str(term), fact in facts, position, event.TOPIC, event.timestamp
                )
    installation = world.installation
    truths = world.terms()
    excluded = None
    if (ALL if include_disabled else REACHABLE) not in truths:
        excluded = why_excluded(installation)
    satisfied = satisfies(expression, lambda term: fact_of(term) in facts)
    missed = [term for term in wanted if not explained[term].holds]
    for term, points in look_alikes(missed, installation, world.person()).items():
        explained[term] = replace(explained[term], look_alike=points)
    return Explanation(name, satisfied and not excluded, excluded, tuple(explained.values()))


def streams_with_merged(
    reader: View, persons: AbstractSet[str]
) -> Mapping[str, Sequence[Recorded]]:
    """Return stream → events of persons, and of all that were ever merged with them (R52)."""
    found: dict[str, Sequence[Recorded]] = {}
    missing = {Person(name).id: 0 for name in persons}
    while missing:
        found |= dict.fromkeys(missing, ()) | dict(reader.streams(missing))
        merges = (event for stream in missing for _, event in found[stream])
        linked = {
            name
            for event in merges
            if isinstance(event, PersonsMerged)
            for name in (event.survivor, event.merged)
        }
        missing = {s: 0 for name in linked if (s := Person(name).id) not in found}
    return found


Fact = str | tuple[str, str]
"""A term as the index knows it, an identifier, or an installation by its id."""


class World:
    """An installation and its persons as they were after each event."""

    def __init__(self, name: str, indexed: AbstractSet[str]) -> None:
        self.installation = Installation(name)
        self._persons: dict[str, Person] = {}
        self._indexed = indexed

    def fold(self, recorded: Recorded) -> None:
        """Bring the aggregate that an event belongs to up to it."""
        event = recorded.event
        if category_of(event.originator_id) == Person.CATEGORY:
            name = name_in(event.originator_id)
            self._persons.setdefault(name, Person(name)).fold((event,))
        else:
            self.installation.fold((event,))

    def person(self) -> Person | None:
        """Return whose the installation is now, if anybody's; of merged persons what is seen."""
        owner = self.installation.person
        if owner is None:
            return None
        person = self._persons.setdefault(owner, Person(owner))
        return seen_persons(self._persons)[owner] if person.links else person

    def terms(self) -> set[str]:
        """Return the terms that the installation answers to now."""
        terms = installation_terms(self.installation, self._indexed)
        person = self.person()
        return terms | person_terms(person, self._indexed) if person and terms else terms

    def facts(self) -> AbstractSet[Fact]:
        """Return everything that terms may ask for and that is true now."""
        person = self.person()
        identifiers: Iterable[Fact] = person.identifiers if person else ()
        own = ("installation", self.installation.name) if self.installation.live else None
        return {*self.terms(), *identifiers, *([own] if own else ())}


def fact_of(term: Term) -> Fact:
    """Return what a term asks for; it holds where that is among the facts."""
    if term.field == "installation":
        return ("installation", term.value)
    return term.identifier or term.key


def satisfies(expression: Expression, holds: Callable[[Term], bool]) -> bool:
    """Whether an expression is true where each of its terms is what ``holds`` says."""
    match expression:
        case Term():
            return holds(expression)
        case And(parts):
            return all(satisfies(part, holds) for part in parts)
        case Or(parts):
            return any(satisfies(part, holds) for part in parts)
        case Not(part):
            return not satisfies(part, holds)
        case _:
            raise TypeError(type(expression).__name__)


def why_excluded(installation: Installation) -> str:
    """Return why pushes do not reach an installation."""
    if installation.expired:
        return f"expired: {installation.expired}"
    flags: Iterable[tuple[str, bool]] = (
        ("push_enabled is off", installation.push_enabled),
        ("notifications_enabled is off", installation.notifications_enabled),
    )
    return ", ".join(text for text, on in flags if not on)
