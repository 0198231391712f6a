"""Translates requests of the SDK's wire to calls of commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Unpack

from addressee.application import Call, Context, Identity, Personalization, Personalized, together

from .request_fields import Body, facts_of, identity_of, person_changes_of


def update_of(installation: str, by: str | None, body: Body, **context: Unpack[Context]) -> Call:
    """Return the call for the PATCH of an installation, which may also set its primary flag."""
    facts = facts_of(body)
    calls: list[Call] = []
    if facts or "isPrimary" not in body:
        calls.append(lambda people: people.update_installation(installation, **facts, **context))
    if "isPrimary" in body:
        # SDKs also send it after a lost registration, and expect success (R25).
        primary = body["isPrimary"]
        calls.append(
            lambda people: people.set_primary(
                installation, primary, by=by, ignore_anonymous=True, **context
            )
        )
    return together(calls) if len(calls) > 1 else calls[0]


def sign_in_of(
    installation: str,
    flags: Mapping[str, bool],
    body: Body,
    of: str | None = None,
    *,
    admit: Callable[[Identity], Identity] | None = None,
    **context: Unpack[Context],
) -> Callable[[Personalization], Personalized]:
    """Return the call for a sign-in.

    Args:
        installation: its id.
        flags: the flags of the request by their names on the wire.
        body: the request's.
        of: the only external id that the caller may sign in (R55).
        admit: returns an identity without what the caller may not give.
        context: of the command.
    """
    identity = identity_of(body.get("userIdentity") or {})
    if admit is not None:
        identity = admit(identity)
    changes = person_changes_of(body.get("userAttributes") or {})
    return lambda people: people.personalize(
        installation,
        identity,
        changes.attributes,
        changes.tags,
        force_depersonalize=flags.get("forceDepersonalize", False),
        keep_as_lead=flags.get("keepAsLead", False),
        set_primary=flags.get("setDeviceAsPrimary", False),
        of=of,
        **context,
    )


def person_update_of(
    installation: str,
    body: Body,
    of: str | None = None,
    *,
    admit: Callable[[Identity], Identity] | None = None,
    **context: Unpack[Context],
) -> Call:
    """Return the call for the PATCH of a user; arguments as for `sign_in_of`."""
    changes = person_changes_of(body)
    identity = changes.identity if admit is None else admit(changes.identity)
    return lambda people: people.update_person(
        installation,
        identity,
        clear=changes.cleared,
        attributes=changes.attributes,
        tags=changes.tags,
        of=of,
        **context,
    )
