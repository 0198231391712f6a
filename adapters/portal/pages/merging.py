"""Merging persons and taking it back, each after a preview."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from addressee.application import MergePreview
from addressee.domain import MergeRefusal, UnknownPerson

from ..page_route import Page
from ..visit import Visit
from .find import hits_of

REFUSALS: Mapping[MergeRefusal, str] = {
    "same_person": "They are one person already.",
    "external_ids": "Each has an external id, so they are probably two people.",
    "other_applications": "Another application has met one of them; its keys may not merge them.",
    "erased": "One of them is erased.",
}
"""Why a merge is refused, in words."""


def preview(visit: Visit) -> Response:
    """Return what merging the person ``other`` into the person ``id`` would do."""
    visit.need("merge")
    survivor, merged = visit.asked("id"), visit.asked("other")
    if merged:
        found = visit.service.people.preview_merge(survivor, merged, within=visit.code)
        return page_of(visit, "/person/merge", found, survivor=survivor, merged=merged)
    state = visit.service.history.person_state(survivor, within=visit.code)
    return visit.page("people/merge.html", preview=None, survivor=state.name)


def find_other(visit: Visit) -> Response:
    """Go to the preview of a merge with the person of any name; its URL has ids alone."""
    visit.need("merge")
    other = person_named(visit, visit.field("other"))
    return visit.go("/person/merge", id=visit.field("id"), other=other)


def merge(visit: Visit) -> Response:
    """Merge two persons, if nothing has changed since the preview."""
    visit.need("merge")
    visit.confirmed()
    survivor = visit.field("survivor")
    visit.service.people.merge(
        survivor,
        visit.field("merged"),
        digest=visit.field("digest"),
        force=visit.field("force") or None,
        **visit.context(),
    )
    return visit.go("/person", id=survivor, done="merged")


def preview_unmerge(visit: Visit) -> Response:
    """Return what taking back the merge of the parameter ``merge`` would do."""
    visit.need("merge")
    named = visit.asked("merge")
    found = visit.service.people.preview_unmerge(named, within=visit.code)
    return page_of(visit, "/person/unmerge", found, merge=named)


def unmerge(visit: Visit) -> Response:
    """Take a merge back, if nothing has changed since the preview."""
    visit.need("merge")
    visit.confirmed()
    done = visit.service.people.unmerge(
        visit.field("merge"), digest=visit.field("digest"), **visit.context()
    )
    return visit.go("/person", id=done.survivor, done="unmerged")


def page_of(visit: Visit, action: str, found: MergePreview, **names: str) -> Response:
    """Return the page of a preview, whose form repeats the names."""
    hidden = visit.operator.masked
    return visit.page(
        "people/merge.html",
        preview=found,
        action=action,
        names=names,
        survivor=found.before[0].name,
        before=[(visit.label(each), each) for each in found.before],
        after=[(visit.label(each), each) for each in found.after],
        conflicts={} if hidden else found.conflicts,
        refusal=None if found.refusal is None else REFUSALS[found.refusal],
        forcible=found.refusal == "external_ids",
    )


def person_named(visit: Visit, name: str) -> str:
    """Return the id of the person whom a name leads to first; raises UnknownPerson."""
    for hit in hits_of(visit, name):
        if hit.page == "person":
            return hit.name
    raise UnknownPerson(name)


PAGES = (
    Page("/person/merge/find", {"POST": find_other}),
    Page("/person/merge", {"GET": preview, "POST": merge}),
    Page("/person/unmerge", {"GET": preview_unmerge, "POST": unmerge}),
)
