"""The caller of a request and its permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Security
from fastapi.security import APIKeyHeader

from addressee.application import ApiKey, Context, Identity, Scope, recognized
from addressee.application.access.cached_applications import Lookup
from addressee.domain import MobileApp

from ..load.share import Share
from ..messages.error_responses import Refused
from .person_tokens import PersonTokens

AUTHORIZATION = APIKeyHeader(
    name="Authorization",
    scheme_name="Authorization",
    description="`App <application code>` or `Bearer <token of the person>` from a device; "
    "`App <API key>` or `Bearer <API key>` from a backend.",
    auto_error=False,
)
Credential = Annotated[str | None, Security(AUTHORIZATION)]
CallingInstallation = Annotated[str | None, Header(alias="pushregistrationid", max_length=256)]


@dataclass(frozen=True, slots=True)
class Device:
    """An app on a device.

    Attributes:
        application: the application of its code or token.
        subject: the external id in its token; None without a token.
        vouched: the contacts that its token vouches for (R55).
    """

    application: MobileApp
    subject: str | None
    vouched: Identity | None = None

    @property
    def context(self) -> Context:
        """The rights of its commands: its application, and the persons that may be used (R56)."""
        app = self.application
        return Context(actor="device", within=app.code, user_data=app.user_data)

    def admitted(self, identity: Identity) -> Identity:
        """Return an identity without the contacts that this caller may not add (R55)."""
        return self.application.admitted(identity, self.vouched)

    @property
    def share(self) -> Share:
        """The callers that share its bounds: the devices of its application."""
        return Share(self.application.code, "device")

    def may_use_person(self) -> None:
        """Raise Refused unless the application allows this caller to use persons' data."""
        mode = self.application.user_data
        if mode == "restricted":
            raise Refused(400, "USER_DATA_RESTRICTED", "User update access is restricted")
        if mode == "jwt" and self.subject is None:
            raise Refused(401, "UNAUTHORIZED", "a token of the person is needed")

    def may_sign_in(self) -> None:
        """Raise Refused unless this caller may sign persons in."""
        self.may_use_person()
        if self.application.server_side_only:
            raise Refused(400, "USER_DATA_RESTRICTED", "only a backend may personalize")

    def must_name(self, external_id: str | None) -> None:
        """Raise Refused unless an identity has the external id of the caller's token, if any."""
        if self.subject is None:
            return
        if external_id is None:
            raise Refused(400, "USER_IDENTITY_INVALID", "externalUserId is needed with a token")
        self.must_be(external_id)

    def must_be(self, external_id: str | None) -> None:
        """Raise Refused if the token names another person."""
        if self.subject is not None and self.subject != external_id:
            raise Refused(403, "FORBIDDEN", "the token is another person's")


def device(configured: Lookup, authorization: str | None, tokens: PersonTokens) -> Device:
    """Return the calling app; raises Refused or KeysWanted."""
    scheme, _, credential = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return Device(*tokens.verified(configured, credential))
    if scheme.lower() != "app" or not credential:
        raise Refused(401, "APP_CODE_MISSING", "Application code is missing")
    application = configured.application(credential)
    if application is None:
        # SDKs know this error by its number.
        raise Refused(401, "1", "Invalid application code")
    return Device(application, None)


@dataclass(frozen=True, slots=True)
class Backend:
    """A service with an API key."""

    application: MobileApp
    key: ApiKey

    @property
    def share(self) -> Share:
        """The callers that share its bounds: the backends of its application."""
        return Share(self.application.code, "backend")

    @property
    def actor(self) -> str:
        """The actor of recorded events (R29)."""
        return f"backend:{self.key.name}"


def backend(configured: Lookup, authorization: str | None, scope: Scope) -> Backend:
    """Return the calling backend; raises Refused if its key lacks the scope."""
    scheme, _, credential = (authorization or "").partition(" ")
    key = recognized(configured.key, credential) if scheme.lower() in {"app", "bearer"} else None
    application = None if key is None else configured.application(key.application)
    if key is None or application is None:
        raise Refused(401, "UNAUTHORIZED", "an API key is needed: Authorization: App <key>")
    if key.scope not in {"backend", "admin"}:
        raise Refused(403, "FORBIDDEN", f"an API key with the scope {key.scope} opens the portal")
    if scope == "admin" and key.scope != "admin":
        raise Refused(403, "FORBIDDEN", "the API key needs the scope admin")
    return Backend(application, key)
