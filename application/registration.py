"""Decisions about an installation itself: it registers, reports facts, changes tags, expires."""

from __future__ import annotations

from typing import Literal

from addressee.domain import (
    ExpiryReason,
    Installation,
    InstallationExpired,
    InstallationRegistered,
    InvalidValue,
)

from .binding import leave
from .reports import Report
from .results import Depersonalized, Registered, Updated
from .work import Work


def register(work: Work, application: str, name: str, report: Report) -> Registered:
    """Make an installation, or bring the one that has the id up to date (R6, R7)."""
    installation = work.get(Installation(name))
    if installation.exists:
        return register_again(work, application, name, report)
    installation.record(
        InstallationRegistered,
        work.occasion,
        application=application,
        push_enabled=report["push_enabled"] is not False,
        notifications_enabled=report["notifications_enabled"] is not False,
        facts={fact: value for fact, value in report["facts"].items() if value is not None},
        attributes={k: value for k, value in report["attributes"].items() if value is not None},
    )
    return Registered("registered", name, superseded=claim_token(work, installation))


def register_again(work: Work, application: str, name: str, report: Report) -> Registered:
    """Answer a registration for an id that is known; raises NoRegistration if it has expired."""
    installation = work.installation(name)
    if installation.application != application:
        raise InvalidValue("application", "is not the one the installation was registered in")
    installation.update(work.occasion, **report)
    superseded = claim_token(work, installation)
    return Registered("updated" if work.recorded else "unchanged", name, superseded)


def claim_token(work: Work, installation: Installation) -> str | None:
    """Make the installation the one that has its push token; return the one that it supersedes.

    Newest wins and exactly one stays live, since two claims collide on the token's stream (R7).
    """
    token = installation.facts.get("push_token")
    if token is None:
        return None
    claim = work.token_claim(installation.application, str(token))
    superseded = None
    if claim.holder is not None and claim.holder != installation.name:
        older = work.get(Installation(claim.holder))
        if older.live and older.facts.get("push_token") == token:
            expire_installation(work, older, "superseded")
            superseded = older.name
    claim.take(work.occasion, installation.name)
    return superseded


def expire_installation(work: Work, installation: Installation, reason: ExpiryReason) -> None:
    """Record that an installation can't be reached any more; it leaves its person first (R9)."""
    leave(work, installation, reason)
    installation.record(InstallationExpired, work.occasion, reason=reason)


def expire(work: Work, name: str, reason: ExpiryReason) -> Depersonalized:
    """Expire a live installation (R9)."""
    installation = work.installation(name)
    person = installation.person
    expire_installation(work, installation, reason)
    return Depersonalized("expired", (name,), person, work.primary_moves())


def update_installation(work: Work, name: str, report: Report) -> Updated:
    """Record what a device reports (R8); a new push token may supersede another installation."""
    installation = work.installation(name)
    installation.update(work.occasion, **report)
    if report["facts"].get("push_token") is not None:
        claim_token(work, installation)
    return updated(work, installation)


def tag_installation(
    work: Work,
    name: str,
    add: frozenset[str],
    remove: frozenset[str],
    replace: frozenset[str] | None,
) -> Updated:
    """Change the installation's own tags (R28)."""
    installation = work.installation(name)
    if replace is not None:
        add, remove = replace, frozenset(installation.tags) - replace
    installation.change_tags(work.occasion, add, remove)
    return updated(work, installation)


def touch(work: Work, name: str) -> Updated:
    """Keep the session of an installation alive, outside the ledger (R26)."""
    installation = work.installation(name)
    if installation.person is not None:
        work.transaction.touch(name, work.occasion.timestamp)
    return Updated("unchanged", name, installation.person)


def updated(work: Work, installation: Installation) -> Updated:
    """Return the answer of a command that may have changed an installation."""
    outcome: Literal["updated", "unchanged"] = "updated" if work.recorded else "unchanged"
    return Updated(outcome, installation.name, installation.person, work.primary_moves())
