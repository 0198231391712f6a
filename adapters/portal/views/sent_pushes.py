"""The pushes to devices, for a page that is asked to show them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from addressee.application import SendingStore, SentPush

from ..visit import Visit

SHOWN = 100
"""Most pushes on a page, the newest."""


def sent_pushes(
    visit: Visit,
    devices: Iterable[str],
    at: datetime | None,
    persons: Collection[str] | None = None,
) -> list[SentPush] | None:
    """Return the newest pushes to devices; None unless the page is asked to show them.

    One row a push of the application is read for each device.

    Args:
        visit: of the page; its parameter ``pushes`` asks for them.
        devices: ids of installations.
        at: no later ones are shown.
        persons: ids of those whom the pushes reached, if not anybody.
    """
    if not visit.asked("pushes"):
        return None
    if not isinstance(visit.service.store, SendingStore):
        return []
    found = [
        push
        for name in devices
        for push in visit.service.history.pushes(name, within=visit.code)
        if (persons is None or push.person in persons) and (at is None or push.at <= at)
    ]
    return sorted(found, key=lambda push: push.at, reverse=True)[:SHOWN]
