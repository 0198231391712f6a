"""The identity provider: where browsers are sent, and what the code that they bring is worth."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import quote_plus, urlencode

from addressee.adapters.tokens.claims import InvalidToken, IssuerUnavailable
from addressee.adapters.tokens.documents import DocumentUnavailable
from addressee.adapters.tokens.issued_tokens import IssuedTokens

from .discovery import Discovery
from .pending_sign_in import Flow, ProviderUnavailable, SignInRefused
from .settings import OidcSettings

BAD_REQUEST, SERVER_ERRORS = 400, 500
SUBJECT = 255
"""Longest id of an operator, in characters (OpenID Connect Core 1.0, section 2)."""


class ProvenOperator(NamedTuple):
    """Whom a provider has vouched for.

    Args:
        subject: the provider's id of the operator, printable.
        name: the claim that the ledger names operators by; not yet checked.
        groups: of the operator.
    """

    subject: str
    name: object
    groups: frozenset[str]


class Provider:
    """Signs operators in at an identity provider; used from threads that may wait for it.

    Args:
        settings: of the provider.
        tokens: checks its tokens; its reader of documents asks the provider.
    """

    def __init__(self, settings: OidcSettings, tokens: IssuedTokens) -> None:
        self.settings = settings
        self._tokens = tokens
        self._documents = tokens.keys.documents
        self._discovery = Discovery(settings, self._documents)

    def sign_in_url(self, flow: Flow) -> str:
        """Return where a browser signs in (OpenID Connect Core 1.0, section 3.1.2.1).

        Raises:
            ProviderUnavailable: the provider can't be discovered.
        """
        asked = {
            "response_type": "code",
            "client_id": self.settings.client,
            "redirect_uri": self.settings.callback,
            "scope": " ".join(self.settings.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        return with_query(self._discovery.endpoints().authorization, asked)

    def sign_out_url(self) -> str | None:
        """Return where a browser ends its session at the provider, if that has such a page.

        Raises:
            ProviderUnavailable: the provider can't be discovered.
        """
        back = f"{self.settings.portal.rstrip('/')}/sign-in"
        asked = {"client_id": self.settings.client, "post_logout_redirect_uri": back}
        ending = self._discovery.endpoints().end_session
        return None if ending is None else with_query(ending, asked)

    def redeemed(self, code: str, flow: Flow) -> ProvenOperator:
        """Return whom a code is worth.

        Raises:
            SignInRefused: the provider does not accept the code, or its token is not for this
                sign-in.
            ProviderUnavailable: the provider does not answer in time.
        """
        endpoints = self._discovery.endpoints()
        try:
            token = id_token(self._exchanged(endpoints.token, code, flow))
            claims = self._tokens.fetched_claims(token, self.settings.trusted(endpoints))
            check_sign_in(claims, self.settings.client, flow.nonce)
        except DocumentUnavailable as error:
            if error.status is not None and BAD_REQUEST <= error.status < SERVER_ERRORS:
                raise SignInRefused("the provider does not accept the code") from None
            raise ProviderUnavailable(str(error)) from None
        except IssuerUnavailable as error:
            raise ProviderUnavailable(str(error)) from None
        except InvalidToken as error:
            raise SignInRefused(f"the provider's token is not valid: {error}") from None
        given: object = claims.get("sub")
        subject = given if isinstance(given, str) and given.isprintable() else ""  # it is logged
        if not 0 < len(subject) <= SUBJECT:
            problem = f"sub is missing, or not 1 to {SUBJECT} printable characters"
            raise SignInRefused(f"the provider's token is not valid: {problem}")
        if self.settings.name == "email" and claims.get("email_verified") is not True:
            raise SignInRefused("the provider does not say that your e-mail address is verified")
        return ProvenOperator(subject, claims.get(self.settings.name), self._groups(claims))

    def _exchanged(self, url: str, code: str, flow: Flow) -> bytes:
        """Return what the provider gives for a code (RFC 6749, sections 2.3.1 and 4.1.3)."""
        settings = self.settings
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.callback,
            "code_verifier": flow.verifier,
        }
        if settings.secret is None:
            return self._documents.post(url, {**fields, "client_id": settings.client})
        credentials = quote_plus(settings.client), quote_plus(settings.secret)
        return self._documents.post(url, fields, credentials)

    def _groups(self, claims: Mapping[str, Any]) -> frozenset[str]:
        given: object = claims.get(self.settings.groups)
        named = cast("list[object]", given) if isinstance(given, list) else [given]
        return frozenset(each for each in named if isinstance(each, str))


def id_token(answer: bytes) -> str:
    """Return the ID token in the answer to a code; raises SignInRefused."""
    try:
        content: object = json.loads(answer)
    except (ValueError, RecursionError):
        content = None
    given = (
        cast("dict[str, object]", content).get("id_token") if isinstance(content, dict) else None
    )
    if not isinstance(given, str):
        raise SignInRefused("the provider gives no ID token")
    return given


def check_sign_in(claims: Mapping[str, Any], client: str, nonce: str) -> None:
    """Raise InvalidToken unless verified claims are of one sign-in at the portal.

    What `IssuedTokens` does not check of OpenID Connect Core 1.0, section 3.1.3.7.
    """
    given: object = claims.get("nonce")
    same = isinstance(given, str) and given.isascii() and hmac.compare_digest(given, nonce)
    if not same:
        raise InvalidToken("nonce is of another sign-in")
    if "iat" not in claims:
        raise InvalidToken("iat is missing")
    audiences: object = claims.get("aud")
    several = isinstance(audiences, list) and len(cast("list[object]", audiences)) > 1
    if ("azp" in claims or several) and claims.get("azp") != client:
        raise InvalidToken("azp is another client")


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """Return a URL with parameters added to those that it may have."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
