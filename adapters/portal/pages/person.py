"""A person: identifiers, devices, sessions, pushes and the timeline, now or at a past moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from starlette.responses import Response

from addressee.application import InstallationState, PersonState, Recorded
from addressee.domain import Identifier, IdentifierAdded, OtherPerson, UnknownPerson
from addressee.domain.events import ErasureRequested, PersonErased

from ..page_route import Page
from ..views.holding import holdings
from ..views.sent_pushes import sent_pushes
from ..views.timeline import timeline
from ..visit import Visit

SHOWN = 100
"""Most events and sessions on the page, the newest; the timeline can be shown whole."""
LISTED = 100
"""Most devices on the page, the primary one first; more are a page further."""
PLACES = 10
"""Fewer digits has the number of devices that come before those of the page."""
DEVICES = 20
"""Most devices whose pushes are read."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the person, whether it is the primary one, and its operating system."""

    state: InstallationState
    primary: bool
    system: str


class Erasure(NamedTuple):
    """When the person was erased, and the fingerprint of the keys once they are destroyed."""

    at: datetime
    fingerprint: str | None


def erasure_of(recorded: Iterable[Recorded]) -> Erasure | None:
    """Return the erasure that a person's events tell of, if any: also on pages of the past."""
    found: Erasure | None = None
    for _, event in recorded:
        if isinstance(event, ErasureRequested):
            found = Erasure(event.timestamp, None)
        elif isinstance(event, PersonErased):
            found = Erasure(event.timestamp, event.fingerprint)
    return found


def show(visit: Visit) -> Response:
    """Return the page of the person of the parameter ``id``, at the moment of ``at``."""
    name, at = visit.asked("id"), visit.moment(visit.asked("at"))
    history, code = visit.service.history, visit.code
    recorded = history.person(name, within=code)
    try:
        state = history.person_state(name, at, within=code)
    except UnknownPerson:
        return visit.page("people/person.html", name=name, at=at, state=None, asked=name)
    until = [each for each in recorded if at is None or each.event.timestamp <= at]
    whole = bool(visit.asked("all"))
    newest = until[::-1] if whole else until[: -SHOWN - 1 : -1]
    sessions = [*holdings(until)]
    latest = [*dict.fromkeys(each.installation for each in reversed(sessions))][:DEVICES]
    received = sent_pushes(visit, latest, at, persons={state.name, *state.merged})
    return visit.page(
        "people/person.html",
        name=state.name,
        asked=name,
        at=at,
        state=state,
        label=visit.label(state),
        identifiers=identifiers(visit, state, until),
        attributes=visit.masking.values(state.attributes),
        tags=visit.masking.tags(state.tags),
        erasure=erasure_of(recorded),
        devices=[*devices(visit, state, at)],
        after=after(visit),
        listed=LISTED,
        sessions=sessions[: -SHOWN - 1 : -1],
        pushes=received,
        texts=visit.messages(received or ()),
        entries=[*timeline(newest, visit.masking)],
        events=len(until),
        whole=whole,
    )


def identifiers(
    visit: Visit, state: PersonState, recorded: Iterable[Recorded]
) -> list[tuple[str, str, datetime | None]]:
    """Return kind, text and since of the identifiers that a person has."""
    since: dict[Identifier, datetime] = {}
    for _, event in recorded:
        if type(event) is IdentifierAdded:
            since[Identifier(event.kind, event.value)] = event.timestamp
    return [
        (each.kind, visit.masking.identifier(each), since.get(each)) for each in state.identifiers
    ]


def devices(visit: Visit, state: PersonState, at: datetime | None) -> Iterator[Device]:
    """Yield the devices that a person has at a moment, those of the page that is asked for."""
    primary = state.primaries.get(visit.code)
    first = after(visit)
    for name in sorted(state.devices, key=lambda name: name != primary)[first : first + LISTED]:
        found = visit.service.history.installation_state(name, at, within=visit.code)
        facts = visit.masking.facts(found.facts)
        system = " ".join(facts[each] for each in ("os", "os_version") if each in facts)
        yield Device(found, name == primary, system)


def after(visit: Visit) -> int:
    """Return how many devices come before those that are asked for."""
    given = visit.asked("after")
    return int(given) if given.isascii() and given.isdigit() and len(given) < PLACES else 0


def sign_out(visit: Visit) -> Response:
    """Sign the person out of one device, or of all."""
    visit.need("sign out")
    person, device = visit.field("id"), visit.field("installation")
    context = visit.context()
    # A key reaches the persons that its application has met (decision 008).
    visit.service.history.person(person, limit=1, within=visit.code)
    if not device:
        visit.service.people.depersonalize_all(person, reason="remote", **context)
        return visit.go("/person", id=person, done="signed-out-all")
    answer = visit.service.people.depersonalize(device, of=person, reason="remote", **context)
    done = answer.outcome if answer.outcome in {"superseded", "unchanged"} else "signed-out"
    return visit.go("/person", id=person, done=done)


def set_primary(visit: Visit) -> Response:
    """Make a device the primary one of its person."""
    visit.need("sign out")
    person, device = visit.field("id"), visit.field("installation")
    try:
        visit.service.people.set_primary(device, of=person, **visit.context())
    except OtherPerson:  # the page was old, or somebody signed in meanwhile
        return visit.go("/person", id=person, done="superseded")
    return visit.go("/person", id=person, done="primary")


PAGES = (
    Page("/person", {"GET": show}),
    Page("/person/sign-out", {"POST": sign_out}),
    Page("/person/primary", {"POST": set_primary}),
)
