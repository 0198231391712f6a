"""The operator's file about the identity provider that operators of the portal sign in at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from addressee.adapters.operator_toml import Settings, content_of, read_toml, table, text, texts
from addressee.domain import InvalidValue

from ..access.roles import Role
from .settings import SCOPES, Endpoints, Groups, OidcSettings

NAMES = ("issuer", "client", "portal", "secret", "groups", "name", "scopes", "endpoints", "roles")


def read_oidc(path: str | Path) -> OidcSettings:
    """Return the settings in a TOML file.

    It has the names of `OidcSettings`: ``secret`` names a file that has the secret, ``roles`` is a
    table for each application with the groups of each role.

    Raises:
        InvalidValue: the file can't be read, or a setting is wrong; the secret is not repeated.
    """
    file = Path(path)
    given = read_toml("portal-oidc", file)
    try:
        check_names(given, NAMES)
        return OidcSettings(
            issuer=text(given, "issuer"),
            client=text(given, "client"),
            portal=text(given, "portal"),
            roles=dict(roles_of(given)),
            secret=content_of("secret", given, file.parent).strip() if "secret" in given else None,
            endpoints=endpoints_of(given),
            groups=text(given, "groups", "groups"),
            name=text(given, "name", "preferred_username"),
            scopes=tuple(texts(given, "scopes", [*SCOPES])),
        )
    except InvalidValue as error:
        raise InvalidValue(f"portal-oidc: {error.field}", error.problem) from None


def endpoints_of(given: Settings) -> Endpoints | None:
    """Return the endpoints in a file, if it names them."""
    if "endpoints" not in given:
        return None
    named = table("endpoints", given["endpoints"])
    check_names(named, Endpoints._fields)
    return Endpoints(
        authorization=text(named, "authorization"),
        token=text(named, "token"),
        jwks=text(named, "jwks"),
        end_session=text(named, "end_session") if "end_session" in named else None,
    )


def roles_of(given: Settings) -> Iterator[tuple[str, Groups]]:
    """Yield application code and groups of each role."""
    for application, listed in table("roles", given.get("roles")).items():
        roles = table(f"roles.{application}", listed)
        check_names(roles, get_args(Role))
        yield application, {role: frozenset(texts(roles, role, [])) for role in get_args(Role)}


def check_names(given: Settings, known: tuple[str, ...]) -> None:
    """Raise InvalidValue for a setting that there is none of."""
    for name in given:
        if name not in known:
            raise InvalidValue(name, f"is no setting; there are: {', '.join(known)}")
