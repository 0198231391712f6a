"""Audiences: written with completion, counted, sampled, explained and saved."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.responses import Response

from addressee.application import Explanation, Targeting
from addressee.domain import (
    AddresseeError,
    ExpressionInvalid,
    NoRegistration,
    Term,
    as_expression,
    leaves,
    values,
)

from ..page_route import Page
from ..views.explained_terms import explained_terms
from ..views.form_problem import FormProblem, form_problem
from ..visit import Visit

CONFLICT = 409
SAMPLE = 20
"""How many installations of an audience are listed."""
FIRST = 5
"""How many of them the script shows while the audience is typed."""
LOOKED_AT = 25
"""Tags of the first so many installations are offered for completion."""
WORDS = (
    *("all", "primary", "tag:", "itag:", "os:android", "os:ios", "language:", "app_version:"),
    *("external_id:", "email:", "msisdn:", "installation:", "type:lead", "type:customer"),
)
"""What an expression may begin with, beside segments, tags and indexed attributes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form asks.

    Attributes:
        expression: the audience.
        at: the past moment, if any.
        include_disabled: whether installations with a push flag off count.
        installation: the one that is to be explained, if any.
        segment: the name of the saved segment that the form was filled from, if any.
    """

    expression: str = ""
    at: datetime | None = None
    include_disabled: bool = False
    installation: str = ""
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What an audience is.

    Attributes:
        count: its size.
        sample: the first installations with their persons.
        why: why it reaches the one that is explained, or does not, if any; as the operator may see
            it.
    """

    count: int
    sample: tuple[tuple[str, str | None], ...]
    why: Explanation | None


def show(visit: Visit) -> Response:
    """Return the form, empty or with a saved segment."""
    segment = visit.asked("segment")
    expression = reach(visit, None).segments(visit.code).get(segment, "")
    if expression and not visit.operator.may("define segments"):
        expression = str(Term("segment", segment))  # which names nobody
    return page(visit, Asked(expression, installation=visit.asked("installation"), segment=segment))


def ask(visit: Visit) -> Response:
    """Return the form with the audience's size, sample and explanation."""
    found, asked, problem = answered(visit)
    return page(visit, asked, found, problem)


def answered(visit: Visit) -> tuple[Found | None, Asked, FormProblem | None]:
    """Return what the form asks for, what it asks, and what is wrong with it."""
    asked = asked_by(visit)
    try:
        moment = visit.moment(visit.field("at"))
        asked = replace(asked, at=moment)
        return found_by(visit, asked), asked, None
    except AddresseeError as error:
        return None, asked, form_problem(error)


def count(visit: Visit) -> Response:
    """Return the size of the present audience for the script, or what is wrong with it."""
    asked = asked_by(visit)
    try:
        number = reach(visit, None).count(
            visit.code, asked.expression, include_disabled=asked.include_disabled
        )
    except AddresseeError as error:
        problem = form_problem(error)
        return visit.json({"problem": problem.text, "column": problem.column})
    return visit.json({"count": number})


def sample(visit: Visit) -> Response:
    """Return the first devices of the present audience for the script, with their persons.

    The script asks for it behind the count, which so is there as early as without it.
    """
    asked = asked_by(visit)
    try:
        names = reach(visit, None).preview(
            visit.code, asked.expression, FIRST, include_disabled=asked.include_disabled
        )
    except AddresseeError as error:
        return visit.json({"problem": form_problem(error).text})
    persons = {name: visit.service.history.who(name, within=visit.code) for name in names}
    labels = visit.labels({person for person in persons.values() if person})
    found = [{"device": name, "person": labels.get(persons[name] or "")} for name in names]
    return visit.json({"sample": found})


def save(visit: Visit) -> Response:
    """Save the expression as a segment, or ask whether it is to replace another one."""
    visit.need("define segments")
    name, expression = visit.field("segment"), visit.field("expression")
    try:
        replaced = reach(visit, None).segments(visit.code).get(values.composed(name))
        asks = replaced not in {None, str(as_expression(expression)), visit.field("replaces")}
        if not asks:
            visit.service.people.define_segment(visit.code, name, expression, **visit.context())
            return visit.go("/audience", segment=name, done="saved")
        problem = None
    except AddresseeError as error:
        problem, replaced = form_problem(error, "segment"), None
    found, asked, worse = answered(visit)  # of what is worse, there is no form to save it
    return page(visit, asked, found, worse or problem, replaced)


def reach(visit: Visit, at: datetime | None) -> Targeting:
    """Return the audiences of a moment."""
    return visit.portal.past.targeting(at, visit.code)


def asked_by(visit: Visit) -> Asked:
    """Return what the form asks, but the moment, which may be none."""
    return Asked(
        expression=visit.field("expression"),
        include_disabled=bool(visit.field("include_disabled")),
        installation=visit.field("installation"),
        segment=visit.field("segment"),
    )


def found_by(visit: Visit, asked: Asked) -> Found:
    """Return what the form asks for."""
    if not asked.expression:
        raise ExpressionInvalid("an audience is expected, such as all", 1)
    audiences, code, history = reach(visit, asked.at), visit.code, visit.service.history
    disabled = asked.include_disabled
    names = audiences.preview(code, asked.expression, SAMPLE, include_disabled=disabled)
    return Found(
        audiences.count(code, asked.expression, include_disabled=disabled),
        tuple((name, history.who(name, asked.at, within=code)) for name in names),
        why(visit, asked) if asked.installation else None,
    )


def why(visit: Visit, asked: Asked) -> Explanation:
    """Return why the audience reaches the device that the form names, or does not."""
    found = reach(visit, asked.at).explain(
        *(visit.code, asked.expression),
        installation=asked.installation,
        include_disabled=asked.include_disabled,
    )
    return replace(
        found, terms=tuple(explained_terms(found.terms, asked.expression, visit.masking))
    )


def page(
    visit: Visit,
    asked: Asked,
    found: Found | None = None,
    problem: FormProblem | None = None,
    replaced: str | None = None,
) -> Response:
    """Return the page; with ``replaced``, of a segment, it asks whether to replace it."""
    segments = reach(visit, None).segments(visit.code)
    holders = [person for _, person in found.sample if person] if found else []
    return visit.page(
        "audiences/audience.html",
        problem.status if problem else 200 if replaced is None else CONFLICT,
        asked=asked,
        found=found,
        labels=visit.labels(dict.fromkeys(holders)),
        problem=problem,
        replaced=replaced,
        segments=segments,
        words=words(visit, segments),
    )


def words(visit: Visit, segments: Mapping[str, str]) -> list[str]:
    """Return what the field offers for completion."""
    found: set[str] = set()
    for text in segments.values():
        terms = [term for term in leaves(as_expression(text)) if term.identifier is None]
        found |= {str(term) for term in terms if visit.masking.term(term) == term}
    profiles = visit.service.profiles
    for name in reach(visit, None).preview(visit.code, "all", LOOKED_AT):
        with suppress(NoRegistration):  # it may expire meanwhile
            profile = profiles.of(name, within=visit.code)
            found |= {str(Term("itag", tag)) for tag in profile.installation.tags}
            person = profile.person
            found |= {str(Term("tag", tag)) for tag in person.tags} if person else set()
    named = [str(Term("segment", name)) for name in sorted(segments)]
    indexed = [f"{name}:" for name in sorted(visit.service.store.indexed_attributes)]
    return list(dict.fromkeys([*WORDS, *named, *indexed, *sorted(found)]))


PAGES = (
    Page("/audience", {"GET": show, "POST": ask}),
    Page("/audience/count", {"POST": count}),
    Page("/audience/sample", {"POST": sample}),
    Page("/audience/segment", {"POST": save}),
)
