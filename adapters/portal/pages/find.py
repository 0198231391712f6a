"""Finding a person or a device by anything that names one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from starlette.responses import Response

from addressee.domain import (
    KINDS,
    IdentifierClaimed,
    InvalidValue,
    NoRegistration,
    UnknownPerson,
    identifier_of,
)

from ..page_route import Page
from ..visit import Visit

NOT_FOUND = 404
KIND_WORDS = {"external_id": "external id", "msisdn": "phone number", "email": "e-mail address"}


class Hit(NamedTuple):
    """Something that has the name that was looked for.

    Args:
        page: of what it is: ``person`` or ``installation``.
        name: the id of the person or device.
        why: how it was found, in words.
    """

    page: str
    name: str
    why: str


def show(visit: Visit) -> Response:
    """Return the page with the field."""
    return visit.page("people/find.html", query="", hits=None)


def find(visit: Visit) -> Response:
    """Go to the only hit, or list them."""
    query = visit.field("q")
    if not query:
        return show(visit)
    hits = list({(hit.page, hit.name): hit for hit in reversed([*hits_of(visit, query)])}.values())
    if len(hits) == 1:
        return visit.go(f"/{hits[0].page}", id=hits[0].name)
    return visit.page("people/find.html", 200 if hits else NOT_FOUND, query=query, hits=hits[::-1])


def hits_of(visit: Visit, query: str) -> Iterator[Hit]:
    """Yield every person and device that a query names, those of today before former ones."""
    history, code = visit.service.history, visit.code
    with suppress(NoRegistration, InvalidValue):
        history.installation(query, limit=1, within=code)
        yield Hit("installation", query, "installation id")
    with suppress(UnknownPerson, InvalidValue):
        yield Hit("person", history.person_state(query, within=code).name, "person id")
    former: list[Hit] = []
    for kind in KINDS:
        try:
            value = identifier_of(kind, query).value
        except InvalidValue:
            continue
        recorded = history.identifier(kind, value, within=code)
        claimed = [event for _, event in recorded if isinstance(event, IdentifierClaimed)]
        for event in claimed:
            try:
                state = visit.service.profiles.person(event.person, within=code)
            except UnknownPerson:
                continue  # erased: found no more by anything that was known
            if value in state.values(kind):
                yield Hit("person", state.name, KIND_WORDS[kind])
            else:
                former.append(Hit("person", state.name, f"held this {KIND_WORDS[kind]} earlier"))
    yield from former


PAGES = (
    Page("/", {"GET": show}),
    Page("/find", {"POST": find}),
)
