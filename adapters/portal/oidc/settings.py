"""Which identity provider operators sign in at, and which of its groups have which role."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from addressee.domain import InvalidValue, TokenIssuer, values
from addressee.domain.limits import NAME, URL
from addressee.domain.policies.identity_provider import allowed

from ..access.roles import RANKS, Role

SCOPES = ("openid", "profile", "email")
Groups = Mapping[Role, AbstractSet[str]]


class Endpoints(NamedTuple):
    """Where an identity provider answers (OpenID Connect Discovery 1.0, section 3).

    Args:
        authorization: the page that people sign in on.
        token: where a code is exchanged for tokens.
        jwks: the set of its public keys.
        end_session: the page that signs people out, if it has one.
    """

    authorization: str
    token: str
    jwks: str
    end_session: str | None = None


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An identity provider of operators.

    Args:
        issuer: the claim ``iss`` of its tokens, and where its discovery document is.
        client: the id that it knows the portal by.
        portal: the portal's URL for browsers, such as ``https://shop.example/portal``. The provider
            may send browsers to its paths ``/sign-in/callback`` and ``/sign-in``.
        roles: application code → role → the groups that have it.
        secret: the portal's password at the provider; None where it is a public client.
        endpoints: where the provider answers; None takes them from its discovery document.
        groups: name of the claim with the groups.
        name: name of the claim with the operator's name in the ledger. Take one that nobody can
            change alone.
        scopes: what the portal asks the provider for.

    Raises:
        InvalidValue, LimitExceeded: a setting is malformed or out of bounds.
    """

    issuer: str
    client: str
    portal: str
    roles: Mapping[str, Groups]
    secret: str | None = field(default=None, repr=False)
    endpoints: Endpoints | None = None
    groups: str = "groups"
    name: str = "preferred_username"
    scopes: tuple[str, ...] = SCOPES

    def __post_init__(self) -> None:
        """Raise InvalidValue for what can't be."""
        checked_url("issuer", self.issuer)
        checked_url("portal", self.portal)
        values.identifier("client", self.client, URL)
        values.identifier("groups", self.groups, NAME)
        values.identifier("name", self.name, NAME)
        if self.endpoints is not None:
            for name, url in self.endpoints._asdict().items():
                if url is not None:
                    checked_url(name, url)
        if not any(groups for roles in self.roles.values() for groups in roles.values()):
            raise InvalidValue("roles", "should name a group of at least one application")

    @property
    def callback(self) -> str:
        """The URL that the provider sends browsers back to."""
        return f"{self.portal.rstrip('/')}/sign-in/callback"

    def role(self, application: str, groups: AbstractSet[str]) -> Role | None:
        """Return the highest role that groups have in an application, if any."""
        given = self.roles.get(application, {})
        return next((role for role in RANKS if groups & given.get(role, frozenset())), None)

    def named_role(self, application: str, name: str) -> Role | None:
        """Return the role of a name if it is given in an application at all."""
        given = self.roles.get(application, {})
        return next((role for role in RANKS if role == name and given.get(role)), None)

    def trusted(self, endpoints: Endpoints) -> TokenIssuer:
        """Return which tokens of the provider sign in here."""
        return TokenIssuer(issuer=self.issuer, jwks=endpoints.jwks, audiences=(self.client,))


def checked_url(field: str, url: object) -> str:
    """Return a URL that nobody on the way can answer for; raises InvalidValue."""
    text = values.identifier(field, url, URL)
    try:
        parts = urlsplit(text)
        fine = parts.port != 0 and parts.scheme != "file" and allowed(parts)
        fine = fine and parts.username is None and not {"#", "\\"} & {*text}
    except ValueError:
        fine = False
    if not fine:
        problem = "should be a URL with https, or http on the loopback interface"
        raise InvalidValue(field, f"{problem}, without user, fragment or backslash")
    return text
